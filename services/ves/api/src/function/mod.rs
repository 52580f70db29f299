//! What the functions of this service have in common: their parameters and results, and how each
//! encodes.

pub mod annex_b;
mod bits;
mod bytes;
mod encode;
mod encoder;
mod job;
pub mod obu;
mod packets;
mod params;
mod program;
mod quality;
mod survey;
mod track;
mod units;

pub use bits::Bits;
pub use bytes::Bytes;
/// The function that makes a first pass by the codec of this name.
pub fn survey_function(codec: &str) -> String {
    format!("ves-{codec}-survey")
}

/// The function that encodes by the codec of this name to a quality.
pub fn quality_function(codec: &str) -> String {
    format!("ves-{codec}-quality")
}

/// The function that encodes by the codec of this name.
pub fn encoder_function(codec: &str) -> String {
    format!("ves-{codec}")
}

pub use encode::{
    COSTS, MEASURED, QUALITY, STREAM, SURVEY, TRACK, UNITS, encode, encode_by, for_each_unit, look,
    pass,
};
pub use encoder::encoder_available;
pub use job::{Job, LadderJob, LadderRung};
pub use params::{
    AssembleParams, AssembleResult, ChunkBuffer, ChunkElement, ChunkSource, EncodeParams,
    EncodeResult, IndexParams, IndexResult, PlanParams, PlanResult, QualityParams, QualityPlan,
    Span, SplitParams, SplitResult, Survey, SurveyParams,
};
pub use program::{encoder_program, program};
pub use quality::{available, quality};
pub use survey::{found, survey};
pub use track::{Framing, Track};
pub use units::{Unit, Units};
