//! How to encode: what was asked for ([`Recipe`]), and everything that follows from it for one
//! source ([`ResolvedRecipe`]).

mod avc;
mod codec;
mod cuts;
mod plan;
mod problems;
mod request;
mod resolved;
mod wire;

pub use codec::{Avc, Level, Preset, Profile, Tune};
pub use plan::{ChunkPlan, MAX_CHUNKS, PlanError, plan};
pub use problems::Problems;
pub use request::{
    Alignment, Chunking, Codec, Container, Crf, MAX_SIDE, OtherTracks, RateControl, Recipe, Target,
};
pub use resolved::{ResolvedRecipe, SourceFacts};
