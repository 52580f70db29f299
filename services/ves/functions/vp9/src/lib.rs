//! The VP9 function: frames in, an elementary stream and its access units out. Beside it, the first
//! pass of two, with what a chunk costs.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

mod encode;
mod frame;
mod passes;
mod superframe;
mod track;

pub use encode::encode;
pub use passes::survey;
