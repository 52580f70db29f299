//! Sources of other machines as files of this one: read-ahead, a bounded cache, a mount or a copy.
//!
//! [`OpenSources::open`] gives an object a path. Behind the path a FUSE mount asks for ranges as
//! they are read: one reader after the other gets more and more ahead of time, in parallel, and
//! who jumps about gets little. Where nothing can be mounted the path is a copy's. The bytes are
//! of the pinned version alone; when they cannot be had any more, reads fail and
//! [`OpenSource::failure`] says why.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

mod ahead;
mod cache;
pub mod limits;
mod open;
mod reader;
mod shared;

pub use open::OpenSource;
pub use reader::Reader;
pub use shared::OpenSources;
