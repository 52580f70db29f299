//! The client of the Video Validation Service: its messages, and typed calls over its queue.
//!
//! All of it is generated from the service's contract by `cargo xtask proto`.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

#[rustfmt::skip]
#[path = "gen/calls.rs"]
mod calls;
#[allow(unreachable_pub, clippy::all, clippy::semicolon_if_nothing_returned)]
#[rustfmt::skip]
#[path = "gen/mod.rs"]
mod generated;

pub use calls::*;
/// The messages.
pub use generated::vvs::v1 as wire;
