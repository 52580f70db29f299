//! The service's functions one after the other, on clips that are hard to cut, with a plain
//! linear decode as the oracle.

#![allow(clippy::unwrap_used, clippy::panic)]

mod audio;
mod bitrate;
mod buffer;
mod containers;
mod conversion;
mod hdr;
mod judge;
mod lossy;
mod quality;
mod refusals;
mod same;
mod sandbox;
mod scaling;
mod stages;
mod vvc;
