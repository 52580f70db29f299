//! The virtual assembly: the index of an encode, told while its chunks come in, and their bytes.
//!
//! An encode's workflow keeps what each chunk came to as soon as it is done. From that, the frame table
//! and the plan, [`AssemblyRpc`] tells where every frame of the video is: chunk by chunk, in order. Who
//! reads it can play the video before the last chunk is encoded.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

mod limits;

mod index;
mod wire;

mod chunks;
mod encodes;
mod follow;
mod read;
mod rpc;

pub use encodes::Encodes;
pub use index::{AccessUnit, ChunkPart, Head};
pub use rpc::AssemblyRpc;
pub use wire::Part;
