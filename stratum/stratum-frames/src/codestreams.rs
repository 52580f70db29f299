//! Where the pictures of an intra-only source lie in its file, so that they can be handed on
//! untouched.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use crate::{Error, FrameTable, Packet};

/// ffmpeg's name of JPEG 2000, whose packets are files by themselves.
const JPEG_2000: &str = "jpeg2000";
/// Start of codestream, then the segment that says its size (ISO/IEC 15444-1, A.4).
const CODESTREAM: [u8; 4] = [0xff, 0x4f, 0xff, 0x51];
/// The signature box of a JP2 file, as QuickTime keeps them (ISO/IEC 15444-1, I.5.1).
const JP2: [u8; 8] = [0, 0, 0, 12, b'j', b'P', b' ', b' '];
/// End of codestream; its code never occurs inside of one.
const END: [u8; 2] = [0xff, 0xd9];
/// What a container may put before a packet, where that counts as its position: MXF has a key of
/// 16 bytes and a length of up to 9, Matroska a track number, a time and flags.
const HEADER: u64 = 32;

/// Whether the packets of the source are pictures that can be read by themselves: JPEG 2000.
#[must_use]
pub fn has_codestreams(table: &FrameTable) -> bool {
    table.source().codec == JPEG_2000
}

/// The bytes of each shown frame of `[start, end)` in `file`: codestreams, or JP2 files where the
/// source holds those. Only their ends are read.
///
/// # Errors
/// When the file cannot be read, or a frame is not in one piece in it, as in a transport stream.
pub fn codestreams(
    file: &File,
    table: &FrameTable,
    start: u64,
    end: u64,
) -> Result<Vec<Range<u64>>, Error> {
    let frames = (start..).zip(table.range(start, end));
    frames
        .map(|(index, packet)| {
            let found = codestream(file, packet).map_err(Error::io("reading the source"))?;
            found.ok_or_else(|| in_pieces(index, table))
        })
        .collect()
}

fn codestream(file: &File, packet: &Packet) -> io::Result<Option<Range<u64>>> {
    let Some(position) = packet.position else {
        return Ok(None);
    };
    let size = u64::from(packet.size);
    for start in position..=position.saturating_add(HEADER) {
        if begins(file, start)? && ends(file, start.saturating_add(size))? {
            return Ok(Some(start..start + size));
        }
    }
    Ok(None)
}

fn begins(file: &File, at: u64) -> io::Result<bool> {
    let bytes: [u8; 8] = bytes(file, at)?;
    Ok(bytes == JP2 || bytes.starts_with(&CODESTREAM))
}

fn ends(file: &File, at: u64) -> io::Result<bool> {
    let end = at.saturating_sub(END.len() as u64);
    Ok(bytes(file, end)? == END)
}

/// Zeros, which begin and end nothing, behind the end of the file.
fn bytes<const N: usize>(file: &File, at: u64) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    match file.read_exact_at(&mut bytes, at) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok([0; N]),
        read => read.map(|()| bytes),
    }
}

fn in_pieces(index: u64, table: &FrameTable) -> Error {
    let container = &table.source().container;
    Error::Source(format!(
        "frame {index} is not one codestream in one piece of the file ({container}); \
         `ffmpeg -i SOURCE -map 0:v:0 -c copy COPY.mov` makes one where each is"
    ))
}
