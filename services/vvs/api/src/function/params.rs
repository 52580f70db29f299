use serde::{Deserialize, Serialize};
use video::{Conversion, Region};

fn is_false(told: &bool) -> bool {
    !told
}

/// Names of files that functions hand to one another.
pub mod file {
    /// The source, or the video.
    pub const SOURCE: &str = "source";
    pub const VIDEO: &str = "video";
    /// The frame table that times are compared with.
    pub const FRAME_TABLE: &str = "frames.table";
    /// `vvs-fingerprint` → `vvs-inspect`: fingerprints of the source's frames.
    pub const PRINTS: &str = "reference.prints";
    /// `vvs-plan` → `vvs-inspect`: when the video's frames are shown.
    pub const TIMES: &str = "frames.times";
    /// `vvs-plan` → `vvs-verdict`: what the container says, and how it differs.
    pub const PLAN: &str = "plan.json";
    /// `vvs-inspect` → `vvs-verdict`: what was measured of each frame of a segment.
    pub const PART: &str = "part.rows";
    /// The folder of all parts, in order.
    pub const PARTS: &str = "parts";
}

/// Parameters of `vvs-fingerprint`: what its result is remembered by, beside the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FingerprintParams {
    /// The part of the picture that is looked at; `None` = all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// What becomes of the frames first, over the whole source at once.
    #[serde(skip_serializing_if = "Conversion::is_none")]
    pub conversion: Conversion,
}

/// Result of `vvs-fingerprint`, beside the prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FingerprintResult {
    /// As converted.
    pub frames: u64,
    /// How often the decoder complained.
    pub complaints: u64,
}

/// Parameters of `vvs-plan`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlanParams {
    /// Frames of a segment, if its random access points allow; `None` = those of ten seconds.
    pub segment_frames: Option<u64>,
}

/// Result of `vvs-plan`, beside the list of segments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanResult {
    /// Frames that the container shows.
    pub frames: u64,
    pub segments: u64,
    /// Of the video track among all tracks.
    pub track: u32,
    pub width: u32,
    pub height: u32,
    /// ffmpeg's name of the layout of the samples.
    pub pixel_format: String,
    /// Whether luma is of the full range.
    pub full_range: bool,
    /// Whether a spare ffmpeg decodes it, as the usual one does not know its codec.
    #[serde(default, skip_serializing_if = "is_false")]
    pub spare: bool,
}

/// A part of the video that is inspected by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// From 0.
    pub index: u64,
    /// The first frame.
    pub start: u64,
    /// One past the last frame.
    pub end: u64,
    /// Where to seek for it, in microseconds; `None` = it is reached from the start of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seek_us: Option<i64>,
    /// Whether frames are known by their times; if not, they are counted, and it is the only one.
    pub timed: bool,
}

/// Parameters of `vvs-inspect`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InspectParams {
    pub segment: Segment,
    /// Of the video track among all tracks.
    pub track: u32,
    /// ffmpeg's name of the layout of the samples.
    pub pixel_format: String,
    /// Whether luma is of the full range.
    pub full_range: bool,
    /// Whether a spare ffmpeg decodes it, as the usual one does not know its codec.
    #[serde(default, skip_serializing_if = "is_false")]
    pub spare: bool,
    /// The part of the picture that is looked at; `None` = all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
}

/// Result of `vvs-inspect`, beside the part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InspectResult {
    /// Frames that were decoded.
    pub frames: u64,
    /// Whether it had to be decoded from the start of the file.
    pub linear: bool,
}

/// Parameters of `vvs-verdict`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictParams {
    /// Frames of the source, when it was decoded.
    pub source_frames: Option<u64>,
}
