//! The priority queue as a pure state machine.
//!
//! Knows no clock, no disk and no network: time and random numbers are handed
//! in, what must be stored and who must be woken is handed out. A payload is
//! bytes to it.

mod by_id;
mod check;
mod config;
mod dead;
mod dequeue;
mod details;
mod effects;
mod end;
mod enqueue;
mod errand;
mod events;
mod filter;
mod find;
mod id;
mod index;
mod labels;
mod lanes;
pub mod limits;
mod look;
mod manage;
mod message;
mod messages;
mod model;
mod name;
mod packed;
mod payload;
mod place;
mod queue;
mod queues;
mod record;
mod recovery;
mod redrive;
mod runs;
mod sessions;
mod settle;
mod shelf;
mod sorted;
mod spot;
mod subscribe;
mod tally;
#[cfg(test)]
mod tests;
mod turns;
mod wording;

pub use config::{DeadLetter, Fairness, QueueConfig, QueueKind};
pub use dequeue::{Delivery, Demand};
pub use effects::{Commit, Reads, Write, Writes};
pub use errand::{Errand, Task, Waiting};
pub use events::{Event, Happening};
pub use filter::{Clause, Filter};
pub use find::{Counted, Found, Search};
pub use look::{Sight, Taken};
pub use model::{
    Completion, Failure, LeaseToken, LeasedMessage, MessageKey, MessageState, MessageView,
    NewMessage, Outcome, QueueCount, QueueView, Refusal, Session,
};
pub use payload::Payloads;
pub use place::{Place, shard_of, shard_of_message, shards_of, spread};
pub use queues::{Queues, Shown};
pub use record::RecordError;
pub use recovery::Recovery;
pub use redrive::Reschedule;
pub use tally::{Happened, QueueStats, Stats};
pub use wording::{Cause, Notice, Wording};

/// The id under which `message_id` goes to a dead-letter queue after so many deliveries.
pub fn dead_letter_id(queue: &str, message_id: &str, deliveries: u32) -> String {
    format!("{queue}/{message_id}/errored/{deliveries}")
}

/// The id of the message that tells the end of `message_id`, when its worker did not end it.
pub fn terminated_id(queue: &str, message_id: &str) -> String {
    format!("{queue}/{message_id}/terminated")
}
