//! The priority queue as a pure state machine.

pub mod limits;
mod model;

pub use model::{
    Completion, Failure, LeaseToken, LeasedMessage, MessageKey, MessageState, MessageView,
    NewMessage, Outcome, QueueConfig, QueueCount, Refusal, Session,
};

/// The id of the message that tells the end of `message_id`, when its worker did not end it.
pub fn terminated_id(queue: &str, message_id: &str) -> String {
    format!("{queue}/{message_id}/terminated")
}
