//! The queue as its users see it: one client, in process or over RPC.

mod api;
mod client;
pub mod envelope;
pub mod names;

pub use api::{DequeueRequest, Outcomes, Timestone, TimestoneError};
pub use client::Client;
pub use timestone::limits;
