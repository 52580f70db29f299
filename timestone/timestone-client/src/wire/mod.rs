//! The queue's model and its Protobuf types, into one another. Both ends of the
//! wire use it; nobody else sees the types of `timestone.v1`.
//!
//! Inward is checked and names the field; limits are the queue's own matter.

mod borrowed;
mod convert;
mod event;
mod message;
mod outcome;
mod page;
mod queue;
mod request;
mod search;
mod shard;
#[cfg(test)]
mod tests;

pub use borrowed::{dequeued, exchanged, exchanged_leases, sent, taken};
pub use convert::{Inward, Outward, Problem, all, each, required};
pub use outcome::{Item, outcome_of, to_outcome};
pub use page::event_page;
