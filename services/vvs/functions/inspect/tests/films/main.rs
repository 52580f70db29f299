//! The functions on whole films: planted defects are found where they are, and good encodes of
//! all kinds raise nothing.

#![allow(clippy::unwrap_used, clippy::panic)]

mod buffer;
mod defects;
mod encode;
mod good;
mod hdr;
mod refusals;
mod regions;
mod sandbox;
mod source;
mod stages;
mod vvc;
