//! The frame table of a source and exact frame ranges out of it.
//!
//! ```no_run
//! # async fn example(source: &std::path::Path, fifo: &std::path::Path)
//! #     -> Result<(), Box<dyn std::error::Error>> {
//! use stratum_frames::{DecodeOptions, Tools, build_table, decode_range, plan_range};
//!
//! let tools = Tools::locate()?;
//! let table = build_table(&tools, source).await?;          // once for a source
//! let blob = table.encode();                               // FrameTable::decode reads it back
//!
//! let mut plan = plan_range(&table, 120, 240)?;            // frames [120, 240), from 0
//! let options = DecodeOptions::default();
//! let decoded = decode_range(&tools, source, &table, &plan, fifo, &options).await?;
//! if decoded.verdict.is_err() {                            // not exactly those frames came out
//!     plan = plan.linear();                                // so count from the very first one
//! }
//! # Ok(()) }
//! ```
//!
//! A frame is named by its index in presentation order, never by a time. The table comes from the
//! container where that can be trusted, else from one decode of everything ([`Origin`]). Every
//! range that is decoded is checked against the table, frame by frame; what does not match is
//! decoded again from the start of the file ([`Method::Linear`]). All tools run sandboxed.

mod build;
mod codec;
mod codestreams;
mod decode;
mod description;
mod digest;
mod error;
mod headers;
mod observe;
mod packets;
mod plan;
mod side_data;
mod source;
mod started;
mod table;
mod tools;
mod trust;
mod varint;
mod verify;

pub use build::{Examined, build_table, describe, examine};
pub use codec::InvalidTable;
pub use codestreams::{codestreams, has_codestreams};
pub use decode::{CONTAINERS, DecodeOptions, Decoded, arguments, decode_picture, decode_range};
pub use description::{Description, TrackDescription};
pub use digest::{SourceDigest, range_digest};
pub use error::Error;
pub use headers::{HdrHeaders, TRACE_ACCESS_POINTS};
pub use observe::{Observed, Seen};
pub use plan::{InvalidRange, Method, Plan, plan_range};
pub use side_data::HdrSideData;
pub use source::{SourceInfo, Track, TrackKind};
pub use table::{Derived, FrameTable, Origin, Packet, Timing};
pub use tools::Tools;
pub use verify::{Mismatch, verify_range};
