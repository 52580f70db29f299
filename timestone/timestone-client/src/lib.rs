//! The queue as its users see it: one client, in process or over RPC.

#![allow(
    clippy::result_large_err,
    reason = "refusals are rare, and say all there is to say"
)]

mod api;
mod client;
mod coalesce;
mod consumer;
pub mod envelope;
mod exchange;
mod heartbeat;
pub mod names;
mod patience;
mod reference;
mod remote;
mod shard;
mod watch;
pub mod wire;

pub use api::{
    CallRefusal, DequeueRequest, Outcomes, SubscribeRequest, Subscription, Timestone,
    TimestoneError,
};
pub use client::Client;
pub use coalesce::Coalesced;
pub use consumer::Consumer;
pub use heartbeat::{Heartbeat, Loss};
pub use reference::{MAX_REFERRED_BYTES, payload_ref};
pub use remote::RemoteTimestone;
pub use shard::{Look, RemoteShard, SHARD_HEADER, Shard, Take};
pub use timestone::limits;
pub use watch::{EventSearch, FoundEvents, MessageHistory, Watch, WatchRequest, Watched};
