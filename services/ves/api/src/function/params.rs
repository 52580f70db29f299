//! Parameters and results, as their functions read and write them: `params.json` and
//! `output/result.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use video::Region;

use crate::wire;

/// Parameters of `ves-split`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SplitParams {
    pub recipe: wire::Recipe,
    /// Digest of each function's package, by name.
    #[serde(default)]
    pub function_digests: BTreeMap<String, String>,
}

/// Result of `ves-split`: what every later node must know to be started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SplitResult {
    pub frames: u64,
    pub chunks: u64,
    /// Name of the codec: "avc".
    pub codec: String,
    /// Size of the encoded picture.
    pub width: u32,
    pub height: u32,
    /// Bits per sample of the encoded picture.
    pub bit_depth: u8,
    /// Of the encoded video.
    pub format: proto::video::v1::VideoFormat,
    /// Sample layout to decode to.
    pub pixel_format: String,
    /// Nominal, "30000/1001".
    pub frame_rate: String,
    pub encoder_args: Vec<String>,
    /// Empty = none.
    pub filter_graph: String,
    /// The part of the source's picture that is shown; `None` = all.
    #[serde(default)]
    pub source_region: Option<Region>,
    /// The part of the encoded picture that is not padding; `None` = all.
    #[serde(default)]
    pub video_region: Option<Region>,
    /// What is amiss with the source, one sentence each.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// One line of the splitter's `elements.ndjson`: one chunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkElement {
    pub index: u64,
    /// First frame.
    pub start: u64,
    /// One past the last frame.
    pub end: u64,
    /// Identity of the packets that the chunk is decoded from, with their codec configuration.
    pub packets_digest: String,
    /// How long encoding may take on one processor, for order alone: milliseconds.
    pub expected_ms: u64,
}

/// Parameters of every encoder function: nothing but what can change a byte of the chunk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EncodeParams {
    /// How many frames the input holds.
    pub frames: u64,
    /// Nominal, "30000/1001".
    pub frame_rate: String,
    /// Encoder options of ffmpeg.
    pub encoder_args: Vec<String>,
    /// Empty = none.
    pub filter_graph: String,
    /// See [`ChunkElement::packets_digest`].
    pub packets_digest: String,
}

impl EncodeParams {
    /// The value of an encoder option of ffmpeg.
    pub fn encoder_option(&self, name: &str) -> Option<&str> {
        let pairs = self.encoder_args.windows(2);
        let mut values = pairs.filter(|pair| pair[0] == name).map(|pair| &*pair[1]);
        values.next()
    }
}

/// Result of every encoder function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncodeResult {
    pub frames: u64,
    pub bytes: u64,
}

/// Parameters of `ves-assemble`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssembleParams {
    /// Whether tracks beside the video are copied from `input/source`.
    pub copy_other_tracks: bool,
}

/// Result of `ves-assemble`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssembleResult {
    pub frames: u64,
    pub bytes: u64,
    /// Tracks beside the video.
    pub other_tracks: u64,
    /// What could not be kept, one sentence each.
    pub warnings: Vec<String>,
}
