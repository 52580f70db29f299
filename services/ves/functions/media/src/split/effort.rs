//! How long chunks may take to encode, relative to one another.

use std::ops::Range;

use stratum_frames::FrameTable;
use video::VideoFormat;

/// Nanoseconds for a pixel of an average frame: x264 at medium on one processor of 2020.
const PIXEL_NS: u64 = 25;
/// Of the time of an average frame, what any frame takes, in tenths; the rest goes with the bytes
/// that the source's encoder found worth spending.
const FLOOR: u64 = 3;

/// What encoding a whole source may take.
pub(super) struct Effort {
    total_ms: u64,
    frames: u64,
    bytes: u64,
}

impl Effort {
    /// Of the whole source, encoded as `format`.
    pub(super) fn of(table: &FrameTable, format: &VideoFormat) -> Self {
        let size = format.resolution;
        let pixels = u64::from(size.width()) * u64::from(size.height());
        Self {
            total_ms: table.len().saturating_mul(pixels * PIXEL_NS) / 1_000_000,
            frames: table.len().max(1),
            bytes: bytes(table, 0..table.len()).max(1),
        }
    }

    /// The part of these frames.
    pub(super) fn expected_ms(&self, table: &FrameTable, range: Range<u64>) -> u64 {
        let of = |part: u64, whole: u64, tenths: u64| {
            let share = u128::from(self.total_ms) * u128::from(part) * u128::from(tenths);
            (share / (10 * u128::from(whole))) as u64
        };
        let floor = of(range.end - range.start, self.frames, FLOOR);
        floor + of(bytes(table, range), self.bytes, 10 - FLOOR)
    }
}

fn bytes(table: &FrameTable, range: Range<u64>) -> u64 {
    let frames = table.range(range.start, range.end);
    frames.map(|packet| u64::from(packet.size)).sum()
}
