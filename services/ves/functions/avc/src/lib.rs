//! The AVC function: frames in, an elementary stream and its access units out.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

mod encode;
mod nal;
mod packets;
mod sps;

pub use encode::{STREAM, UNITS, encode};
pub use nal::{Nal, nals};
pub use sps::{SpsFacts, sps_facts};
