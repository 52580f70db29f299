//! The priority queue as a pure state machine.
//!
//! Knows no clock, no disk and no network: time and random numbers are handed
//! in, what must be stored and who must be woken is handed out. A payload is
//! bytes to it.

mod check;
mod dequeue;
mod effects;
mod end;
mod enqueue;
mod index;
pub mod limits;
mod message;
mod model;
mod queue;
mod queues;
mod record;
mod recovery;
mod sessions;
mod settle;
#[cfg(test)]
mod tests;
mod wording;

pub use dequeue::{Delivery, Demand};
pub use effects::Write;
pub use model::{
    Completion, Failure, LeaseToken, LeasedMessage, MessageKey, MessageState, MessageView,
    NewMessage, Outcome, QueueConfig, QueueCount, Refusal, Session,
};
pub use queues::Queues;
pub use record::RecordError;
pub use recovery::Recovery;
pub use wording::{Cause, Notice, Wording};

/// The id of the message that tells the end of `message_id`, when its worker did not end it.
pub fn terminated_id(queue: &str, message_id: &str) -> String {
    format!("{queue}/{message_id}/terminated")
}
