//! YUV4MPEG2 with luma alone: how frames come out of ffmpeg.

use std::io::{BufRead, Read};

use errors::Error;

use crate::limits::PIXELS;
use crate::print::Plane;

/// The longest header of the stream or of a frame.
const LINE: u64 = 1024;
/// Bytes of a frame that are read at a time.
const PIECE: usize = 1 << 16;

/// Frames one after the other.
pub(super) struct Frames<R> {
    from: R,
    width: usize,
    height: usize,
    depth: u32,
    full_range: bool,
    samples: Vec<u8>,
}

impl<R: BufRead> Frames<R> {
    /// Reads the header; `None` when there is not a single byte.
    pub(super) fn open(mut from: R, full_range: bool) -> Result<Option<Self>, Error> {
        let Some(header) = line(&mut from)? else {
            return Ok(None);
        };
        let Some((width, height, depth)) = parse(&header) else {
            return Err(malformed("its header"));
        };
        let bytes = width * height * if depth > 8 { 2 } else { 1 };
        Ok(Some(Self {
            from,
            width,
            height,
            depth,
            full_range,
            samples: vec![0; bytes],
        }))
    }

    /// Width and height.
    pub(super) fn size(&self) -> (u32, u32) {
        (self.width as u32, self.height as u32)
    }

    /// The next frame; `None` at the end, also one in mid-frame.
    pub(super) fn next(&mut self) -> Result<Option<Plane<'_>>, Error> {
        match line(&mut self.from)? {
            None => return Ok(None),
            Some(header) if header.starts_with("FRAME") => {}
            Some(_) => return Err(malformed("a frame's header")),
        }
        // Piece by piece, so that the tool that writes does not wait until a whole frame is read.
        for piece in self.samples.chunks_mut(PIECE) {
            if self.from.read_exact(piece).is_err() {
                return Ok(None);
            }
        }
        Ok(Some(Plane {
            width: self.width,
            height: self.height,
            depth: self.depth,
            full_range: self.full_range,
            samples: &self.samples,
        }))
    }
}

fn line(from: &mut impl BufRead) -> Result<Option<String>, Error> {
    let mut bytes = Vec::new();
    let read = from.take(LINE).read_until(b'\n', &mut bytes);
    read.map_err(|e| Error::platform("IO", format!("reading frames failed: {e}")))?;
    let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
    Ok((!bytes.is_empty()).then_some(text))
}

/// `YUV4MPEG2 W320 H180 F30000:1001 Ip A1:1 Cmono10 …`
fn parse(header: &str) -> Option<(usize, usize, u32)> {
    let fields = header.strip_prefix("YUV4MPEG2 ")?;
    let field = |name: char| fields.split(' ').find_map(|field| field.strip_prefix(name));
    let (width, height): (usize, usize) = (field('W')?.parse().ok()?, field('H')?.parse().ok()?);
    let depth = match field('C')?.strip_prefix("mono")? {
        "" => 8,
        depth => depth.parse().ok()?,
    };
    let fits = width > 0 && height > 0 && (width as u64).checked_mul(height as u64)? <= PIXELS;
    (fits && (8..=16).contains(&depth)).then_some((width, height, depth))
}

fn malformed(what: &str) -> Error {
    Error::function("FRAMES", format!("ffmpeg's frames are malformed: {what}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
        let Some(mut frames) = Frames::open(bytes, false)? else {
            return Ok(vec![]);
        };
        let mut all = Vec::new();
        while let Some(plane) = frames.next()? {
            all.push(plane.samples.to_vec());
        }
        Ok(all)
    }

    #[test]
    fn frames_come_one_by_one() {
        let two = b"YUV4MPEG2 W2 H1 F25:1 Ip Cmono\nFRAME\nabFRAME Ip\ncd";
        assert_eq!(read(two).unwrap(), [b"ab", b"cd"]);
        let deep = b"YUV4MPEG2 W1 H1 Cmono10 XYSCSS=400\nFRAME\nab";
        assert_eq!(read(deep).unwrap(), [b"ab"]);
        let cut = b"YUV4MPEG2 W2 H1 Cmono\nFRAME\nabFRAME\nc";
        assert_eq!(read(cut).unwrap(), [b"ab"]);
        assert_eq!(read(b"").unwrap().len(), 0);
    }

    #[test]
    fn other_streams_are_refused() {
        for bytes in [
            &b"RIFF"[..],
            b"YUV4MPEG2 W0 H1 Cmono\n",
            b"YUV4MPEG2 W2 H1 C420\n",
            b"YUV4MPEG2 W99999999 H99999999 Cmono\n",
            b"YUV4MPEG2 W2 H1 Cmono77\n",
            b"YUV4MPEG2 W2 H1 Cmono\nFRAM\nab",
        ] {
            assert_eq!(read(bytes).unwrap_err().code, "FRAMES");
        }
    }
}
