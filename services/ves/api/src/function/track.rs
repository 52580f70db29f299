use serde::{Deserialize, Serialize};

use crate::function::Bytes;

/// What a container has to know of an elementary stream, so that it need not know the codec:
/// `track.json` beside the stream. Every chunk of a video has the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    /// Sample entry of MP4: "avc1".
    pub sample_entry: String,
    /// The box in it that holds the configuration: "avcC".
    pub configuration_box: String,
    /// Body of that box; the private data of the codec in Matroska.
    pub configuration: Bytes,
    /// Codec of Matroska: "V_MPEG4/ISO/AVC".
    pub matroska_codec: String,
    /// Codec of IVF: "VP90"; empty = none.
    #[serde(default)]
    pub ivf_codec: String,
    pub framing: Framing,
    /// Units that the configuration carries; no sample holds them.
    #[serde(default)]
    pub out_of_band: Vec<Bytes>,
    /// Units that are kept in the first sample of the video alone.
    #[serde(default)]
    pub once: Vec<Bytes>,
}

/// How a stream is divided into units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// Start codes before each unit (ITU-T H.264, H.265 and H.266, annex B).
    AnnexB,
    /// Open bitstream units that tell their length (AV1, 5.2).
    Obu,
    /// None: a unit is carried as it is.
    Whole,
}
