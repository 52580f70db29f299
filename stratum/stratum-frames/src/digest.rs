//! What a range is made of: the key under which its encode can be found again.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use sha2::{Digest, Sha256};

use crate::{FrameTable, Method, Packet, Plan};

/// SHA-256 in hexadecimal over all that decides the frames of a range.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SourceDigest(String);

impl SourceDigest {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const CHUNK: usize = 1 << 16;

/// Hashes the bytes that decoding the range reads: from the random access point to the last packet
/// that a frame of the range needs, with the codec's configuration and the frames' order and times.
/// Reads only those; a terabyte source stays where it is. Equal digests mean equal frames. The
/// converse need not hold: where packets of several tracks lie in one another (not MP4 and MOV),
/// the bytes between are hashed too.
///
/// `Ok(None)` when the container does not say where its packets are, or decoding counts from the
/// start: such a range is known only by its whole source.
///
/// # Errors
/// When the file cannot be read, or ends before a packet does.
pub fn range_digest(
    file: &File,
    table: &FrameTable,
    plan: &Plan,
) -> io::Result<Option<SourceDigest>> {
    let Some(packets) = needed(table, plan) else {
        return Ok(None);
    };
    let mut hash = Sha256::new();
    describe(&mut hash, table, plan);
    for (start, end) in spans(table, packets, file.metadata()?.len()) {
        hash.update(start.abs_diff(end).to_le_bytes());
        hash_span(&mut hash, file, start, end)?;
    }
    Ok(Some(SourceDigest(hex::encode(hash.finalize()))))
}

/// From the random access point to the last in decode order; `None` without positions.
fn needed<'a>(table: &'a FrameTable, plan: &Plan) -> Option<&'a [Packet]> {
    let first = match plan.method {
        Method::Seek { rank, .. } => rank,
        // The start of the file is a random access point, too.
        Method::Linear if table.packets().first()?.key => 0,
        Method::Linear => return None,
    };
    let last = (plan.start..plan.end)
        .filter_map(|frame| table.rank(frame))
        .max()?;
    let packets = table.packets().get(first..=last)?;
    packets
        .iter()
        .all(|packet| packet.position.is_some())
        .then_some(packets)
}

/// Codec, format, and which of the frames are meant. Times count from the first packet, so that a
/// copy of the same scene elsewhere is the same.
fn describe(hash: &mut Sha256, table: &FrameTable, plan: &Plan) {
    let source = table.source();
    let format = serde_json::to_string(&source.format).unwrap_or_default();
    for text in [&source.codec, &source.configuration, &format] {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    let origin = needed(table, plan)
        .and_then(<[Packet]>::first)
        .map_or(0, |packet| packet.pts);
    for frame in table.range(plan.start, plan.end) {
        hash.update(frame.pts.wrapping_sub(origin).to_le_bytes());
    }
}

/// The byte ranges of the packets: exact where the container stores each packet in one piece, else
/// one that covers them all up to the next packet.
fn spans(table: &FrameTable, packets: &[Packet], file_size: u64) -> Vec<(u64, u64)> {
    let exact = table
        .source()
        .container
        .split(',')
        .any(|name| name == "mov");
    let position = |packet: &Packet| packet.position.unwrap_or(0);
    if exact {
        let span = |p: &Packet| (position(p), position(p).saturating_add(p.size.into()));
        return packets.iter().map(span).collect();
    }
    let start = packets.iter().map(position).min().unwrap_or(0);
    let last = packets.iter().map(position).max().unwrap_or(0);
    let later = table.packets().iter().map(position).filter(|p| *p > last);
    vec![(start, later.min().unwrap_or(file_size))]
}

fn hash_span(hash: &mut Sha256, file: &File, start: u64, end: u64) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut at = start;
    while at < end {
        let length = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
        file.read_exact_at(&mut buffer[..length], at)?;
        hash.update(&buffer[..length]);
        at += length as u64;
    }
    Ok(())
}
