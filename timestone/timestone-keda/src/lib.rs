//! The queues as KEDA asks for them, to scale workers: an external scaler.
//!
//! What is measured is the work there is: messages that wait for a worker or are with one.
//! Those that run count as well, or workers would be taken away from under them.

#![allow(
    clippy::result_large_err,
    reason = "refusals are rare, and say all there is to say"
)]

#[allow(
    unreachable_pub,
    refining_impl_trait,
    clippy::all,
    clippy::semicolon_if_nothing_returned
)]
#[rustfmt::skip]
#[path = "gen/mod.rs"]
mod generated;

mod activity;
mod scaler;
mod trigger;

pub use scaler::KedaScaler;

/// The wire types.
pub use generated::externalscaler as wire;
