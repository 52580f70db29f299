//! Fingerprints of a video as a file: a header of 32 bytes, then one record a frame.
//!
//! | bytes    | what                                                          |
//! |----------|---------------------------------------------------------------|
//! | 0 – 3    | `VVSP`                                                        |
//! | 4        | version, 1                                                    |
//! | 5, 6     | columns and rows of cells                                     |
//! | 7        | 0                                                             |
//! | 8 – 11   | bytes of a record                                             |
//! | 12 – 19  | width and height of the frames, 4 bytes each                  |
//! | 20 – 31  | 0                                                             |
//! | record   | time of the frame in ticks (8 bytes; the least value = none), |
//! |          | means (2 bytes a cell), details (1 byte a cell)               |
//!
//! Numbers are little endian. A record has a fixed size, so that a reader goes straight to the
//! frames it needs.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use errors::Error;
use stratum_function::io as failed;

use crate::print::{CELLS, COLUMNS, Print, ROWS};

const MAGIC: &[u8; 5] = b"VVSP\x01";
const HEADER: usize = 32;
/// Bytes of the record of one frame.
const RECORD: usize = 8 + 3 * CELLS;

/// Writes prints as they come.
pub(crate) struct PrintWriter<W: Write> {
    to: W,
    frames: u64,
}

impl<W: Write> PrintWriter<W> {
    /// A file for frames of this size.
    pub(crate) fn new(mut to: W, width: u32, height: u32) -> io::Result<Self> {
        to.write_all(&header(width, height))?;
        Ok(Self { to, frames: 0 })
    }

    pub(crate) fn push(&mut self, pts: Option<i64>, print: &Print) -> io::Result<()> {
        self.frames += 1;
        self.to.write_all(&encode(pts, print))
    }

    /// How many frames were written.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        self.to.flush()?;
        Ok(self.frames)
    }
}

fn header(width: u32, height: u32) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..5].copy_from_slice(MAGIC);
    header[5..7].copy_from_slice(&[COLUMNS as u8, ROWS as u8]);
    header[8..12].copy_from_slice(&(RECORD as u32).to_le_bytes());
    header[12..16].copy_from_slice(&width.to_le_bytes());
    header[16..20].copy_from_slice(&height.to_le_bytes());
    header
}

fn encode(pts: Option<i64>, print: &Print) -> [u8; RECORD] {
    let mut record = [0; RECORD];
    record[..8].copy_from_slice(&pts.unwrap_or(i64::MIN).to_le_bytes());
    let (means, details) = record[8..].split_at_mut(2 * CELLS);
    for (bytes, mean) in means.chunks_exact_mut(2).zip(print.means) {
        bytes.copy_from_slice(&mean.to_le_bytes());
    }
    details.copy_from_slice(&print.details);
    record
}

fn decode(record: &[u8]) -> Print {
    let mut print = Print {
        means: [0; CELLS],
        details: [0; CELLS],
    };
    let (means, details) = record[8..].split_at(2 * CELLS);
    for (mean, bytes) in print.means.iter_mut().zip(means.chunks_exact(2)) {
        *mean = u16::from_le_bytes([bytes[0], bytes[1]]);
    }
    print.details.copy_from_slice(details);
    print
}

/// Prints to read, a range at a time.
pub(crate) struct PrintFile {
    file: File,
    path: PathBuf,
    frames: u64,
}

impl PrintFile {
    /// Class platform when it is not a file of prints: the platform brought it.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|e| failed("reading", path, &e))?;
        let length = file
            .metadata()
            .map_err(|e| failed("reading", path, &e))?
            .len();
        let mut found = [0; HEADER];
        let read = file.read_exact_at(&mut found, 0);
        let expected = header(0, 0);
        if read.is_err() || found[..12] != expected[..12] {
            let message = format!("{} holds no fingerprints of this version", path.display());
            return Err(Error::platform("MALFORMED_INPUT", message));
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            frames: (length - HEADER as u64) / RECORD as u64,
        })
    }

    /// The prints of `[start, end)`, cut to what there is.
    pub(crate) fn range(&self, start: u64, end: u64) -> Result<Vec<Print>, Error> {
        let end = end.min(self.frames);
        let count = end.saturating_sub(start) as usize;
        let mut bytes = vec![0; count * RECORD];
        let offset = HEADER as u64 + start * RECORD as u64;
        let read = self.file.read_exact_at(&mut bytes, offset);
        read.map_err(|e| failed("reading", &self.path, &e))?;
        Ok(bytes.chunks_exact(RECORD).map(decode).collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::print::tests::flat;

    #[test]
    fn prints_are_read_where_they_were_written() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = PrintWriter::new(file.reopen().unwrap(), 320, 180).unwrap();
        for frame in 0..10u16 {
            let mut print = flat(frame);
            print.details[3] = frame as u8;
            writer.push(Some(i64::from(frame)), &print).unwrap();
        }
        assert_eq!(writer.finish().unwrap(), 10);
        let prints = PrintFile::open(file.path()).unwrap();
        let range = prints.range(7, 99).unwrap();
        let seen: Vec<_> = range.iter().map(|p| (p.means[5], p.details[3])).collect();
        assert_eq!(seen, [(7, 7), (8, 8), (9, 9)]);
        assert_eq!(prints.range(12, 20).unwrap().len(), 0);
    }

    #[test]
    fn other_files_are_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for content in [&b""[..], b"VVSP\x01", &[b'x'; 100]] {
            std::fs::write(file.path(), content).unwrap();
            let error = PrintFile::open(file.path()).err().unwrap();
            assert_eq!(error.code, "MALFORMED_INPUT");
        }
    }
}
