//! Every bound of these functions on one page.

/// Frames of one video: a day at 50 a second.
pub(crate) const FRAMES: usize = 5_000_000;
/// Pixels of one frame: 16K × 16K.
pub(crate) const PIXELS: u64 = 1 << 28;
/// Frames that ffmpeg has told of and not written yet: those that a decoder holds back, many times.
pub(crate) const TOLD_AHEAD: usize = 1_024;
/// Bytes of ffprobe's description of a file.
pub(crate) const DESCRIPTION: usize = 8 << 20;
/// Complaints of a decoder that are kept of one run.
pub(crate) const COMPLAINTS: usize = 64;
/// Characters of foreign text that are repeated.
pub(crate) const FOREIGN_TEXT: usize = 200;
/// Seconds of video that one segment holds, if its random access points allow.
pub(crate) const SEGMENT_SECONDS: u64 = 10;
/// Frames of a segment, at least and at most, if its random access points allow.
pub(crate) const SEGMENT_FRAMES: (usize, usize) = (120, 600);
/// Segments of one video.
pub(crate) const SEGMENTS: usize = 100_000;
/// Frames whose fingerprints are compared at a time.
pub(crate) const BLOCK: usize = 256;
/// How far around its place a frame is looked for that is nowhere near it.
pub(crate) const WIDE: u64 = 2_048;
/// Discrepancies of the whole report.
pub(crate) const REPORTED: usize = 10_000;
/// Discrepancies of the response.
pub(crate) const TOLD: usize = 100;
/// Bytes of the response, as JSON. What plato carries inline is 16 KiB.
pub(crate) const RESPONSE: usize = 15 << 10;
/// Consequences that are told of one discrepancy.
pub(crate) const CONSEQUENCES: usize = 16;
