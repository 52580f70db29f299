//! The owner of workflows: journal, inbox and outbox over a store.
//!
//! A [`PlatoRuntime`] owns groups of the workflows of one service. It takes
//! messages from the inbox of each group, applies them to the workflows in
//! memory, and commits journal, inbox and outbox in one act before it lets
//! anything be seen (seam S2). A [`WorkflowReader`] looks at workflows from outside,
//! and a [`PlatoServer`] serves them to those who look after them.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

mod config;
mod counters;
mod definitions;
mod group;
mod groups;
mod incoming;
mod jobs;
mod keys;
mod lists;
mod logs;
mod meeting;
mod metrics;
mod observe;
mod records;
mod runtime;
mod search;
mod service;
mod share;
mod shared;
mod view;
mod wire;

pub use config::RuntimeConfig;
pub use counters::Counts;
pub use definitions::Definitions;
pub use logs::{FunctionLog, LogSearch};
pub use metrics::Engines;
pub use observe::{Observed, observe};
pub use runtime::{PlatoRuntime, StartError};
pub use search::{FoundWorkflows, WorkflowSearch};
pub use service::{Pinning, PlatoServer, Remote, Workflows};
pub use view::{Standing, WorkflowReader, WorkflowView};
pub use wire::{assert_facts, retract_facts, run_result};
