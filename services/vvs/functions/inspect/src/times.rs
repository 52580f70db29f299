//! When the video's frames are shown, by its container: a file of ascending times.
//!
//! `VVST`, a version, three bytes of 0, then the time of each frame in ticks, 8 bytes each.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use errors::Error;
use stratum_function::io;

const HEADER: &[u8; 8] = b"VVST\x01\0\0\0";

/// Ascending, all different.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times(Vec<i64>);

impl Times {
    /// `None` when two frames are shown at one time.
    pub(crate) fn new(mut times: Vec<i64>) -> Option<Self> {
        times.sort_unstable();
        times.is_sorted_by(|a, b| a < b).then_some(Self(times))
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// The time of a frame.
    pub(crate) fn get(&self, frame: u64) -> Option<i64> {
        self.0.get(usize::try_from(frame).ok()?).copied()
    }

    /// The frame that is shown at exactly this time.
    pub(crate) fn frame(&self, time: i64) -> Option<u64> {
        self.0.binary_search(&time).ok().map(|frame| frame as u64)
    }

    /// The first frame that is shown at or after this time.
    pub(crate) fn first_from(&self, time: i64) -> u64 {
        self.0.partition_point(|other| *other < time) as u64
    }

    pub(crate) fn as_slice(&self) -> &[i64] {
        &self.0
    }

    pub(crate) fn write(&self, mut to: BufWriter<File>, path: &Path) -> Result<(), Error> {
        let mut write = || {
            to.write_all(HEADER)?;
            for time in &self.0 {
                to.write_all(&time.to_le_bytes())?;
            }
            to.flush()
        };
        write().map_err(|e| io("writing", path, &e))
    }

    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let bytes = fs::read(path).map_err(|e| io("reading", path, &e))?;
        let times = bytes.strip_prefix(HEADER).map(|rest| {
            let (times, _) = rest.as_chunks::<8>();
            times
                .iter()
                .map(|bytes| i64::from_le_bytes(*bytes))
                .collect()
        });
        times.and_then(Self::new).ok_or_else(|| {
            let message = format!("{} holds no times of this version", path.display());
            Error::platform("MALFORMED_INPUT", message)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_survive_their_journey() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let times = Times::new(vec![40, -40, 0]).unwrap();
        times
            .write(BufWriter::new(file.reopen().unwrap()), file.path())
            .unwrap();
        let read = Times::read(file.path()).unwrap();
        assert_eq!((&read, read.len()), (&times, 3));
        assert_eq!((read.frame(0), read.frame(1)), (Some(1), None));
        assert_eq!(
            (read.first_from(1), read.first_from(41), read.get(0)),
            (2, 3, Some(-40))
        );
        std::fs::write(file.path(), "VVSX").unwrap();
        assert_eq!(
            Times::read(file.path()).unwrap_err().code,
            "MALFORMED_INPUT"
        );
    }

    #[test]
    fn one_time_is_one_frame() {
        assert_eq!(Times::new(vec![1, 0, 1]), None);
    }
}
