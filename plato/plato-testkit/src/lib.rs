//! Workflows in virtual time, for tests.
//!
//! A [`Kit`] runs one workflow, with the definition and the code of its nodes as they are,
//! on the real engine over the real queue, both in memory. Functions and other services
//! answer what the test says; time jumps to the next moment at which something happens.
//! [`Ran`] is what became of it. A [`RulesKit`] does the same with rules. The page for authors is
//! `plato/TESTING.md`.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

mod answer;
mod blobs;
mod kit;
mod log;
mod queue;
mod ran;
mod replay;
mod rules;
mod site;
mod time;
mod worker;
mod world;

pub use answer::{Answer, Asked, Call};
pub use blobs::MemoryBlobs;
pub use kit::{Act, Kit};
pub use log::{Line, lines};
pub use queue::{Gate, Open};
pub use ran::Ran;
pub use replay::{Diverged, Divergence, Recording, replay, replay_on};
pub use rules::{Outcome, RulesKit, RulesRan, RulesRecording, replay_rules, replay_rules_on};
pub use site::{SERVICE, Site};
pub use time::{BEGIN_MS, Stuck, VirtualTime};
pub use worker::{Answers, Seen, Worker};
