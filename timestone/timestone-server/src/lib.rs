//! The owner of queues: the state machine over a store, and its RPC service.

mod local;
mod owner;
mod service;
mod wording;

pub use local::LocalTimestone;
pub use owner::OwnerOptions;
pub use service::TimestoneServer;
