//! The contracts: generated Protobuf types and RPC stubs of every platform room.
//!
//! Domain code does not see these types: each room converts them in its own
//! `wire` module.

#![allow(unreachable_pub, refining_impl_trait, clippy::all, clippy::pedantic)]

#[rustfmt::skip]
#[path = "gen/mod.rs"]
mod generated;

pub use generated::{base, optimus, plato, stratum, timestone, video};

/// The file descriptors of every platform contract, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!("gen/descriptors.binpb");
