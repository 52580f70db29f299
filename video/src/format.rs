//! What a video track is, as far as every frame shares it.

use serde::{Deserialize, Serialize};

use crate::{
    ColourDescription, FrameRate, PixelFormat, Resolution, Rotation, SampleAspectRatio, ScanType,
    StaticHdr, TimeBase,
};

/// What a video track is, as far as every frame shares it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoFormat {
    pub resolution: Resolution,
    pub sample_aspect_ratio: SampleAspectRatio,
    pub pixel_format: PixelFormat,
    pub colour: ColourDescription,
    pub scan_type: ScanType,
    /// Nominal; the timestamps rule.
    pub frame_rate: FrameRate,
    /// Seconds per tick of the timestamps.
    pub time_base: TimeBase,
    pub rotation: Rotation,
    #[serde(default, skip_serializing_if = "StaticHdr::is_empty")]
    pub hdr: StaticHdr,
}
