//! The HEVC function: frames in, an elementary stream and its access units out. Beside it, the first
//! pass of two, which tells what a chunk costs.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

mod encode;
mod nal;
mod passes;
mod sps;
mod track;

pub use encode::encode;
pub use passes::survey;
