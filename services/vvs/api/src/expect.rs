//! What is expected of a video, as the functions read it: [`FILE`] below `input/`.

use serde::{Deserialize, Serialize};
use video::{
    ColourDescription, DecoderBuffer, PixelFormat, Resolution, Rotation, SampleAspectRatio,
    ScanType, StaticHdr,
};

/// The name of the expectations among the inputs of a function.
pub const FILE: &str = "expectations.json";

/// All that is expected; what is `None` or `false` is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expectations {
    /// How many frames are shown.
    pub frame_count: Option<u64>,
    /// Whether frames are shown when the frame table says, which is an input of its own.
    pub timestamps: bool,
    pub format: Option<Format>,
    /// How many tracks there are beside the video.
    pub other_tracks: Option<u64>,
    pub clean_decode: bool,
    pub same_frames: bool,
    /// Indices of the frames with which chunks begin, ascending: no chunk is much worse than its
    /// neighbours.
    pub boundaries: Option<Vec<u64>>,
    /// Frames from one random access point to the next, at most.
    pub access_frames: Option<u64>,
    /// Indices of frames with which decoding can begin, ascending.
    pub access_points: Option<Vec<u64>>,
    /// Whether decoding can begin with those and no others.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub access_only: bool,
    /// What a decoder holds that has each access unit in time.
    pub buffer: Option<DecoderBuffer>,
}

/// What the coded video is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Format {
    /// ffmpeg's name.
    pub codec: Option<String>,
    /// ffmpeg's name.
    pub profile: Option<String>,
    /// As the codec writes it, at most.
    pub max_level: Option<u32>,
    pub picture: Option<Picture>,
}

/// What every picture is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Picture {
    pub resolution: Option<Resolution>,
    pub sample_aspect_ratio: Option<SampleAspectRatio>,
    pub pixel_format: Option<PixelFormat>,
    pub colour: Option<ColourDescription>,
    /// Whether lines are interlaced.
    pub scan_type: Option<ScanType>,
    pub rotation: Rotation,
    /// What HDR10 says, wherever container and bitstream can say it.
    #[serde(skip_serializing_if = "StaticHdr::is_empty")]
    pub hdr: StaticHdr,
}

impl Expectations {
    /// Whether the video's frames have to be decoded.
    pub fn need_frames(&self) -> bool {
        self.frame_count.is_some() || self.timestamps || self.clean_decode || self.need_source()
    }

    /// Whether the frames of the source are needed, too.
    pub fn need_source(&self) -> bool {
        self.same_frames || self.boundaries.is_some()
    }

    /// Names of the checks that these ask for, as the response lists them.
    pub fn checks(&self) -> Vec<&'static str> {
        let checks = [
            ("frame-count", self.frame_count.is_some()),
            ("timestamps", self.timestamps),
            ("format", self.format.is_some()),
            ("tracks", self.other_tracks.is_some()),
            ("clean-decode", self.clean_decode),
            ("same-frames", self.same_frames),
            ("quality-steps", self.boundaries.is_some()),
            (
                "random-access",
                self.access_frames.is_some() || self.access_points.is_some(),
            ),
            ("buffer-model", self.buffer.is_some()),
        ];
        let asked = checks.into_iter().filter(|(_, asked)| *asked);
        asked.map(|(check, _)| check).collect()
    }
}
