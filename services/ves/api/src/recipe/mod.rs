//! How to encode: what was asked for ([`Recipe`]), and everything that follows from it for one
//! source ([`ResolvedRecipe`]).

mod cadence;
mod codec;
mod coding;
mod cuts;
mod edges;
mod filters;
mod ladder;
mod ladders;
mod layout;
mod plan;
mod presets;
mod problems;
mod request;
mod resolved;
mod size;
mod wire;

pub use cadence::ChunkFrames;
pub use codec::{BitDepth, Codec};
pub use coding::{Coding, Ffmpeg, Level, Lossless, Passes, Profile, RateFactors, codings};
pub use edges::Edges;
pub use ladder::{MAX_RUNGS, Rung, of_rung, rungs};
pub use ladders::{NamedLadder, ladders};
pub use plan::{ChunkPlan, MAX_CHUNKS, PlanError, plan};
pub(crate) use presets::require_format;
pub use presets::{NamedPreset, fields, presets};
pub use problems::Problems;
pub use request::{
    Alignment, Bitrate, Chunking, Container, Crf, Damage, OtherTracks, RateControl, Recipe, Target,
};
pub use resolved::{ResolvedRecipe, SourceFacts};
pub use size::{Kernel, MAX_SIDE, Size};
