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

pub use assemble::{assemble, holds};
pub use plan::plan;
pub use split::{failure, index, refuse_damage, resolve, resolved, split};
