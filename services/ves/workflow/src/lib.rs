//! The five nodes of the Video Encoding Service and its function packages.
//!
//! ```text
//! splitter ──▶ encoder (map) ──▶ assembler (reduce) ──▶ validator ──▶ notifier
//! ves-split    ves-{codec}       ves-assemble           calls VVS     inline
//! ```
//!
//! To a bitrate, a first pass over each chunk comes before, and some second passes are made again:
//!
//! ```text
//! survey (map) ─▶ aim ─▶ analysis (map) ─▶ planner ─▶ encoder (map) ─▶ settler ─▶ repair (map)
//! ves-{codec}-survey     ves-{codec}-survey           ves-{codec}                 ves-{codec}
//!                 ves-plan                 ves-plan                   ves-plan
//! ```
//!
//! For a decoder's buffer, chunks that were told too much of it are encoded again, twice at most (*settler*,
//! *repair*, *settler-2*, *repair-2*), behind the encoder of either.
//!
//! To a quality, each chunk is encoded at several rate factors and measured within one invocation; some are
//! encoded again, twice at most, by which the whole comes nearer:
//!
//! ```text
//! encoder (map) ─▶ settler ─▶ repair (map) ─▶ settler-2 ─▶ repair-2 (map) ─▶ measured
//! ves-{codec}-quality         ves-{codec}-quality          ves-{codec}-quality
//!                  ves-plan                   ves-plan                       ves-plan
//! ```
//!
//! A ladder is a workflow of its own: one index of the source, and each rung a request of this very service,
//! which is cut by that index and published by itself.
//!
//! ```text
//! index ──▶ rung-1, rung-2, … ──▶ ladder
//! ves-index calls VES             inline
//! ```
//!
//! There is one definition of each kind for each codec, alike but for the function that encodes.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

mod definition;
mod nodes;
mod packages;

pub use definition::{
    bitrate_definition, capped_bitrate_definition, capped_definition, definition, encoded_by,
    ladder_definition, quality_definition, register,
};
pub use packages::packages;
