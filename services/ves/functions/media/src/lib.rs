//! The codec-independent functions: split, assemble, validate.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

mod assemble;
mod inputs;
mod mp4;
mod split;
mod validate;

pub use assemble::{assemble, holds};
pub use split::{failure, refuse_damage, resolve, split};
pub use validate::validate;
