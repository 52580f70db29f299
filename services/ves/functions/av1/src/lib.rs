//! The AV1 function: frames in, an elementary stream and its access units out.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

mod encode;
mod sequence;
mod temporal_unit;
mod track;

pub use encode::encode;
