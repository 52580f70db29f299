//! Parameters and results, as their functions read and write them: `params.json` and
//! `output/result.json`.

use std::collections::BTreeMap;

use errors::Error;
use serde::{Deserialize, Serialize};
use video::{Conversion, DecoderBuffer, FrameRate, Region};

use crate::quality::{Goal, RateFactorRange, Score, Try};
use crate::rate::{Corrections, Cost, Scale, Share, Shares};
use crate::wire;

/// Parameters of `ves-index`: the recipes of a ladder's rungs, in its order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IndexParams {
    pub recipes: Vec<wire::Recipe>,
}

/// Consecutive frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// First frame.
    pub start: u64,
    /// One past the last frame.
    pub end: u64,
}

/// What a chunk is decoded from: an item of `chunks.json` of `ves-index`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkSource {
    /// First frame.
    pub start: u64,
    /// One past the last frame.
    pub end: u64,
    /// See [`ChunkElement::decoded`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoded: Option<Span>,
    /// See [`ChunkElement::packets_digest`].
    pub packets_digest: String,
}

/// Result of `ves-index`, beside the frame table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexResult {
    pub frames: u64,
    /// Of each rung.
    pub chunks: u64,
}

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
    /// See [`EncodeParams::input_frame_rate`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_frame_rate: Option<String>,
    pub encoder_args: Vec<String>,
    /// Of chunks that have none of their own; empty = none.
    pub filter_graph: String,
    /// What became of the source's frames first.
    #[serde(default)]
    pub conversion: Conversion,
    /// The part of the source's picture that is shown; `None` = all.
    #[serde(default)]
    pub source_region: Option<Region>,
    /// The part of the encoded picture that is not padding; `None` = all.
    #[serde(default)]
    pub video_region: Option<Region>,
    /// What is amiss with the source, one sentence each.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Bits that the coded video as a whole shall have; 0 = no matter.
    #[serde(default)]
    pub target_bits: u64,
    /// The decoder's buffer that chunks are coded for; `None` = no matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buffer: Option<DecoderBuffer>,
    /// How near the whole shall come to the source; `None` = no matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Goal>,
}

impl SplitResult {
    /// What a chunk of that share is coded for, where there is a buffer.
    pub fn buffer(&self, share: Share) -> Option<ChunkBuffer> {
        let buffer = self.buffer?;
        let (max_bitrate, entry) = share.of(buffer);
        Some(ChunkBuffer {
            max_bitrate,
            size: buffer.size,
            entry,
        })
    }

    /// What so many bits for a chunk of that cost are in a second.
    pub fn bitrate(&self, bits: u64, cost: Cost, frames: u64) -> Result<u64, Error> {
        let rate = self.frame_rate.parse().ok().and_then(FrameRate::new);
        let rate = rate.ok_or_else(|| {
            let message = format!("{} is no frame rate", self.frame_rate);
            Error::platform("MALFORMED_RATE", message)
        })?;
        Ok(cost.bitrate(bits, frames, rate))
    }
}

/// One line of the splitter's `elements.ndjson`: one chunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkElement {
    pub index: u64,
    /// First frame.
    pub start: u64,
    /// One past the last frame.
    pub end: u64,
    /// Frames of the source that it is decoded from; `None` = those of the same numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoded: Option<Span>,
    /// Makes those frames the chunk's; `None` = as all chunks have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter_graph: Option<String>,
    /// Identity of the packets that the chunk is decoded from, with their codec configuration.
    pub packets_digest: String,
    /// How long encoding may take on one processor, for order alone: milliseconds.
    pub expected_ms: u64,
}

/// Parameters of every encoder function: nothing but what can change a byte of the chunk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EncodeParams {
    /// How many frames the chunk has.
    pub frames: u64,
    /// Nominal, "30000/1001".
    pub frame_rate: String,
    /// Nominal, of what the input holds; `None` = the chunk's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_frame_rate: Option<String>,
    /// Encoder options of ffmpeg.
    pub encoder_args: Vec<String>,
    /// Empty = none.
    pub filter_graph: String,
    /// See [`ChunkElement::packets_digest`].
    pub packets_digest: String,
    /// Bits in a second for a second pass, by what the first has left in the input; `None` = there is
    /// one pass alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_pass: Option<u64>,
    /// What a decoder has in front of it; `None` = no matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buffer: Option<ChunkBuffer>,
    /// Rate factor of this chunk alone, in thousandths; `None` = the encoder options tell all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crf: Option<u32>,
}

/// Parameters of every function that encodes a chunk to a quality.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QualityParams {
    /// Without a rate factor.
    pub encode: EncodeParams,
    pub goal: Goal,
    pub range: RateFactorRange,
    /// What was tried before, from where the search goes on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<Try>,
    /// What is handed on with what is found.
    pub chunk: ChunkElement,
}

/// A decoder's buffer when it comes to a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkBuffer {
    /// Bits in a second that it fills by.
    pub max_bitrate: u64,
    /// Bits that it holds.
    pub size: u64,
    /// Bits that are in it when the chunk's first access unit is taken out.
    pub entry: u64,
}

impl ChunkElement {
    /// Frames of the source that it is decoded from.
    pub fn decoded(&self) -> Span {
        self.decoded.unwrap_or(Span {
            start: self.start,
            end: self.end,
        })
    }
}

impl EncodeParams {
    /// Nominal, of what the input holds.
    pub(crate) fn input_frame_rate(&self) -> &str {
        self.input_frame_rate.as_ref().unwrap_or(&self.frame_rate)
    }

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

/// Parameters of every function that makes a first pass over a chunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurveyParams {
    /// What is handed on with what is found.
    pub chunk: ChunkElement,
    /// Nominal, "30000/1001".
    pub frame_rate: String,
    /// See [`EncodeParams::input_frame_rate`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_frame_rate: Option<String>,
    /// Encoder options of ffmpeg.
    pub encoder_args: Vec<String>,
    /// Empty = none.
    pub filter_graph: String,
    /// Rate factor of the pass, in thousandths.
    pub crf: u32,
}

impl SurveyParams {
    /// A pass by the encoder options as they are.
    pub fn pass(&self) -> EncodeParams {
        EncodeParams {
            frames: self.chunk.end - self.chunk.start,
            frame_rate: self.frame_rate.clone(),
            input_frame_rate: self.input_frame_rate.clone(),
            encoder_args: self.encoder_args.clone(),
            filter_graph: self.filter_graph.clone(),
            packets_digest: self.chunk.packets_digest.clone(),
            second_pass: None,
            buffer: None,
            crf: None,
        }
    }
}

/// What a first pass found: its result, and [`SURVEY`](crate::function::SURVEY) beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    pub chunk: ChunkElement,
    /// Rate factor of the pass, in thousandths.
    pub crf: u32,
    pub cost: Cost,
}

/// Parameters of `ves-plan`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanParams {
    /// Bits that the coded video as a whole shall have; 0 = no matter.
    pub target_bits: u64,
    /// The decoder's buffer that chunks are coded for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buffer: Option<DecoderBuffer>,
    /// Whether access units are decoded by the times of frames; if not, at the nominal rate.
    #[serde(default)]
    pub timed: bool,
    /// Whether what is set right now is not looked at again.
    #[serde(default)]
    pub last: bool,
    /// What chunks were coded to, where that was planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<Shares>,
    /// How near the whole shall come to the source, by which rate factors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<(Goal, RateFactorRange)>,
    /// Budgets that chunks were coded to, but for those of the scale.
    #[serde(default, skip_serializing_if = "Corrections::is_empty")]
    pub corrected: Corrections,
}

/// Result of `ves-plan`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanResult {
    /// Of the quantisers of the first pass.
    pub scale: Scale,
    /// The rate factor by which a first pass comes near the target, in thousandths.
    pub crf: u32,
    /// Other budgets than the scale gives, of chunks that have missed theirs.
    pub corrections: Corrections,
    /// Of every chunk, where there is a buffer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<Shares>,
    /// Where a quality is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<QualityPlan>,
}

/// How near a whole has come to its source, and what would bring it nearer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QualityPlan {
    /// Of the whole.
    pub score: Score,
    /// Of the chunk that has the least.
    pub lowest_chunk: Score,
    /// Whether it is as near as the encoder's best or worst rate factors bring it.
    #[serde(default)]
    pub exhausted: bool,
    /// The level of chunks by which the whole comes nearer; `None` where it is near.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Score>,
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
    /// Of the coded video alone.
    #[serde(default)]
    pub video_bytes: u64,
    /// Tracks beside the video.
    pub other_tracks: u64,
    /// What could not be kept, one sentence each.
    pub warnings: Vec<String>,
}
