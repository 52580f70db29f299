//! How to encode: what was asked for ([`Recipe`]), and everything that follows from it for one
//! source ([`ResolvedRecipe`]).

mod codec;
mod plan;
mod problems;
mod request;
mod wire;

pub use codec::{Avc, Level, Preset, Profile, Tune};
pub use plan::{ChunkPlan, FrameRate, MAX_CHUNKS, PlanError, plan};
pub use problems::Problems;
pub use request::{
    Alignment, Chunking, Codec, Container, Crf, OtherTracks, RateControl, Recipe, Resolution,
    Target,
};
