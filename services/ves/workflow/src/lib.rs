//! The five nodes of the Video Encoding Service and its function packages.
//!
//! ```text
//! splitter ──▶ encoder (map) ──▶ assembler (reduce) ──▶ validator ──▶ notifier
//! ves-split    ves-{codec}       ves-assemble           ves-validate  inline
//! ```
//!
//! There is one definition for each codec, alike but for the function that encodes.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

mod definition;
mod nodes;
mod packages;

pub use definition::{definition, register};
pub use packages::packages;
