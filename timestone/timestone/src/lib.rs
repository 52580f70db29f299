//! The priority queue as a pure state machine.

mod model;

pub use model::{
    Completion, Failure, LeaseToken, LeasedMessage, MessageKey, MessageState, MessageView,
    NewMessage, Outcome, QueueConfig, QueueCount, Refusal, Session,
};
