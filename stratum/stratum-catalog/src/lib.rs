//! Published versions of functions, the channels that name them, and which one a workflow is
//! pinned to.
//!
//! A *version* is a package by its digest: the declaration, the program and its tools, or an image.
//! Its [manifest](stratum::Manifest) and program are kept as blobs, so that any host can run it
//! that has the tools. A *channel* names a version, and can be moved; work that has begun never
//! notices. [`Published`] is what there is of one function, as a value; a [`Catalog`] keeps that of
//! all of them, and pins workflows; [`Catalog::into_services`] serves it.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, to whoever asked"
)]

mod catalog;
mod channel;
mod choice;
mod keep;
pub mod limits;
mod published;
mod record;
mod service;
mod wire;

pub use catalog::{Catalog, Pins};
pub use channel::ChannelName;
pub use keep::{keep, kept};
pub use published::{Channel, Published, Setting, Version};

#[cfg(test)]
mod tests;
