//! The contract of the Video Encoding Service and the validation of its requests.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
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

pub mod function;
mod output;
pub mod quality;
pub mod rate;
pub mod recipe;
pub mod service;
pub mod summary;
pub mod validate;

/// The wire types.
pub use generated::ves::v1 as wire;
