//! The contract of the Video Encoding Service and the validation of its requests.

#[allow(
    unreachable_pub,
    refining_impl_trait,
    clippy::all,
    clippy::semicolon_if_nothing_returned
)]
#[path = "gen/mod.rs"]
mod generated;

pub mod recipe;

/// The wire types.
pub use generated::ves::v1 as wire;
