//! The codec-independent functions: index, split, plan and assemble.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

mod assemble;
mod inputs;
mod mp4;
mod plan;
mod split;

pub use assemble::{FragmentedVideo, Sample, assemble, holds};
pub use inputs::timeline_of;
pub use mp4::{Timeline, decode_times};
pub use plan::plan;
pub use split::{Shown, failure, index, refuse_damage, resolve, resolved, split};
