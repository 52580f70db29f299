//! The owner of queues: the state machine over a store, and its RPC service.

mod act;
mod calls;
mod exchange;
mod fleet;
mod local;
mod owner;
mod seen;
mod service;
mod wording;

pub use fleet::{Fleet, FleetError, FleetOptions};
pub use local::LocalTimestone;
pub use owner::OwnerOptions;
pub use seen::{HistoryOptions, Metrics, Reading};
pub use service::TimestoneServer;
