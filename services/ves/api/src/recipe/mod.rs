//! How to encode: what was asked for ([`Recipe`]), and everything that follows from it for one
//! source ([`ResolvedRecipe`]).

mod av1;
mod avc;
mod codec;
mod cuts;
mod encoder;
mod layout;
mod plan;
mod presets;
mod problems;
mod request;
mod resolved;
mod size;
mod wire;

pub use codec::{Av1, Av1Level, Av1Tune, Avc, BitDepth, Level, Preset, Profile, Tune};
pub use plan::{ChunkPlan, MAX_CHUNKS, PlanError, plan};
pub use presets::{NamedPreset, presets};
pub use problems::Problems;
pub use request::{
    Alignment, Chunking, Codec, Container, Crf, Damage, OtherTracks, RateControl, Recipe, Target,
};
pub use resolved::{ResolvedRecipe, SourceFacts};
pub use size::{Kernel, MAX_SIDE, Size};
