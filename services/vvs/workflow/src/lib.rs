//! The nodes of the Video Validation Service and its function packages.
//!
//! ```text
//! reference ───────────────┐
//! vvs-fingerprint          ▼
//! plan ──▶ (segments) ──▶ inspect (map) ──▶ verdict (reduce) ──▶ answer
//! vvs-plan                vvs-inspect       vvs-verdict          inline
//! ```
//!
//! `reference` is passed over when the source is not needed, the others when there is no video: a
//! request about a source alone only makes its fingerprints. They are remembered by what the source
//! is, so that a later request about an encode of it finds them.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

mod definition;
mod nodes;
mod packages;

pub use definition::{DEFINITION, definition, register};
pub use packages::packages;
