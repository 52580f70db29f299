//! The VVC function: frames in, an elementary stream and its access units out.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

mod encode;
mod nal;
mod sps;
mod track;

pub use encode::encode;
