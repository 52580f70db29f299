//! The state of one task of a node.
//!
//! | from    | event                        | to                          |
//! |---------|------------------------------|-----------------------------|
//! | new     | `TasksDispatched`            | out                         |
//! | backoff | `TasksDispatched`            | out                         |
//! | any     | `TaskSucceeded`              | done                        |
//! | any     | `TaskFailed`, with a retry   | backoff, next generation    |
//! | any     | `TaskFailed`, without        | gone; its node fails        |
//! | out     | `TasksStopped`               | gone; its workflow ends     |
//! | backoff | `Failing`, `Canceling`       | gone; its workflow ends     |
//!
//! New and done tasks take no room: done ones are in an interval set, and a task
//! that is in neither place is new. Inline tasks are never out.

use serde::{Deserialize, Serialize};

use crate::retry::Faults;

/// A task that is neither new nor done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Task {
    /// Which try is out, or comes next.
    #[serde(rename = "g")]
    pub(crate) generation: u32,
    #[serde(flatten)]
    pub(crate) phase: TaskPhase,
    #[serde(flatten)]
    pub(crate) faults: Faults,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TaskPhase {
    /// Its invocation was handed on at this time, in Unix milliseconds.
    Out(i64),
    /// It may be tried again from this time on, in Unix milliseconds.
    Backoff(i64),
}

impl Task {
    pub(crate) fn is_out(&self) -> bool {
        matches!(self.phase, TaskPhase::Out(_))
    }

    /// Whether it waits to be tried again.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.phase, TaskPhase::Backoff(_))
    }

    /// When something happens by itself: the next try, or the end of a try's time.
    pub(crate) fn due(&self, timeout_ms: Option<u64>) -> Option<i64> {
        match self.phase {
            TaskPhase::Backoff(due) => Some(due),
            TaskPhase::Out(since) => Some(since.saturating_add_unsigned(timeout_ms?)),
        }
    }
}
