//! The contract of the Video Encoding Service and the validation of its requests.

#[allow(unreachable_pub, refining_impl_trait, clippy::all)]
#[path = "gen/mod.rs"]
mod generated;

/// The wire types.
pub use generated::ves::v1 as wire;
