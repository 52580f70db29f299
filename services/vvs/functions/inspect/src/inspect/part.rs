//! What was measured of a segment, as a file: a line of JSON, then one record a frame.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use errors::Error;
use serde::{Deserialize, Serialize};
use stratum_function::io as failed;
use vvs_api::function::Segment;

use crate::inspect::{NEAR, Row};

/// Bytes of the record of one frame.
const RECORD: usize = 8 + 2 * (2 * NEAR as usize + 1) + 4 * 6 + 4 + 2 * 5;
/// The longest header: 64 complaints of 200 characters.
const HEADER: u64 = 1 << 20;

/// What goes for the whole segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PartHeader {
    pub(crate) segment: Segment,
    /// Whether it was decoded from the start of the file.
    pub(crate) linear: bool,
    /// Complaints of the decoder.
    pub(crate) troubles: Vec<Trouble>,
    /// Complaints beyond those.
    pub(crate) more_troubles: u64,
    /// Frames that the container does not know of.
    pub(crate) strays: u64,
    /// Of the pictures; `None` when there is none.
    pub(crate) size: Option<(u32, u32)>,
    /// Where the size changes, and to what.
    pub(crate) resized: Option<Trouble>,
}

/// Something that was said about a frame, or about one shortly after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trouble {
    pub(crate) frame: u64,
    pub(crate) text: String,
}

/// What was measured of a segment.
pub(crate) struct Part {
    pub(crate) header: PartHeader,
    /// In ascending order; frames that did not decode have none.
    pub(crate) rows: Vec<Row>,
}

impl Part {
    pub(super) fn write(&self, mut to: BufWriter<File>, path: &Path) -> Result<(), Error> {
        let mut write = || {
            serde_json::to_writer(&mut to, &self.header)?;
            to.write_all(b"\n")?;
            for row in &self.rows {
                to.write_all(&encode(row))?;
            }
            to.flush()
        };
        write().map_err(|e| failed("writing", path, &e))
    }
}

/// A part that is read row by row.
pub(crate) struct PartReader<R = BufReader<File>> {
    pub(crate) header: PartHeader,
    from: R,
}

impl PartReader {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|e| failed("reading", path, &e))?;
        Self::of(BufReader::new(file)).map_err(|e| failed("reading", path, &e))
    }
}

impl<R: BufRead> PartReader<R> {
    fn of(mut from: R) -> io::Result<Self> {
        let mut line = Vec::new();
        (&mut from).take(HEADER).read_until(b'\n', &mut line)?;
        Ok(Self {
            header: serde_json::from_slice(&line)?,
            from,
        })
    }

    /// The next row; `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Row>> {
        if self.from.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let mut record = [0; RECORD];
        self.from.read_exact(&mut record)?;
        Ok(Some(decode(&record)))
    }
}

fn encode(row: &Row) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(RECORD);
    bytes.extend(row.frame.to_le_bytes());
    row.near.iter().for_each(|d| bytes.extend(d.to_le_bytes()));
    for (offset, distance) in row.far {
        bytes.extend(offset.to_le_bytes());
        bytes.extend(distance.to_le_bytes());
    }
    bytes.extend(row.detail.to_le_bytes());
    let (own, other) = row.brightest;
    for value in [row.moved, row.still, own, other, row.contrast] {
        bytes.extend(value.to_le_bytes());
    }
    bytes
}

fn decode(record: &[u8; RECORD]) -> Row {
    let mut fields = Fields(record);
    let frame = u64::from_le_bytes(fields.take());
    let near = std::array::from_fn(|_| fields.word());
    let far = std::array::from_fn(|_| (i32::from_le_bytes(fields.take()), fields.word()));
    Row {
        frame,
        near,
        far,
        detail: f32::from_le_bytes(fields.take()),
        moved: fields.word(),
        still: fields.word(),
        brightest: (fields.word(), fields.word()),
        contrast: fields.word(),
    }
}

/// Fields of a record, one after the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (taken, rest) = self.0.split_first_chunk().unwrap_or((&[0; N], &[]));
        self.0 = rest;
        *taken
    }

    fn word(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_part_survives_its_journey() {
        let segment = Segment {
            index: 1,
            start: 7,
            end: 9,
            seek_us: Some(-1),
            timed: true,
        };
        let trouble = Trouble {
            frame: 8,
            text: "\"\n".into(),
        };
        let header = PartHeader {
            segment,
            linear: true,
            troubles: vec![trouble.clone()],
            more_troubles: 3,
            strays: 1,
            size: Some((320, 180)),
            resized: Some(trouble),
        };
        let row = Row {
            frame: 8,
            near: std::array::from_fn(|n| n as u16),
            far: [(-9, 1), (1 << 20, 2), (3, 4), (0, 65535)],
            detail: -0.25,
            moved: 11,
            still: 12,
            brightest: (13, 14),
            contrast: 15,
        };
        let part = Part {
            header: header.clone(),
            rows: vec![row.clone()],
        };
        let file = tempfile::NamedTempFile::new().unwrap();
        part.write(BufWriter::new(file.reopen().unwrap()), file.path())
            .unwrap();
        let mut read = PartReader::open(file.path()).unwrap();
        assert_eq!(read.header, header);
        assert_eq!(read.next().unwrap(), Some(row));
        assert_eq!(read.next().unwrap(), None);
        let bytes = std::fs::read(file.path()).unwrap();
        std::fs::write(file.path(), &bytes[..bytes.len() - 1]).unwrap();
        assert!(PartReader::open(file.path()).unwrap().next().is_err());
    }
}
