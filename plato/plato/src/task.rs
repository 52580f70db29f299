//! The state of one task of a node.
//!
//! | from    | event                        | to                          |
//! |---------|------------------------------|-----------------------------|
//! | new     | `TasksDispatched`            | out                         |
//! | backoff | `TasksDispatched`            | out                         |
//! | out     | `TasksDispatched`            | out twice                   |
//! | any     | `TaskSucceeded`              | done                        |
//! | any     | `TaskFailed`, with a retry   | backoff, next generation    |
//! | any     | `TaskFailed`, without        | lost; its node may fail     |
//! | out     | `TasksStopped`               | gone; its workflow ends     |
//! | twice   | `TaskFailed`, `TasksStopped` | out, by the other try       |
//! | backoff | `Failing`, `Canceling`       | gone; its workflow ends     |
//!
//! New, done and lost tasks take no room: those that have ended are in interval sets,
//! and a task that is nowhere is new. Inline tasks are never out.

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
    /// The second try that is out beside the first.
    #[serde(default, rename = "t", skip_serializing_if = "Option::is_none")]
    pub(crate) twin: Option<Twin>,
    /// The highest generation of the tries that have ended.
    #[serde(default, rename = "s", skip_serializing_if = "is_zero")]
    pub(crate) spent: u32,
}

fn is_zero(generation: &u32) -> bool {
    *generation == 0
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TaskPhase {
    /// Its invocation was handed on at this time, in Unix milliseconds.
    Out(i64),
    /// It may be tried again from this time on, in Unix milliseconds.
    Backoff(i64),
}

/// A try that was handed on beside another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Twin {
    #[serde(rename = "g")]
    pub(crate) generation: u32,
    /// When, in Unix milliseconds.
    #[serde(rename = "o")]
    pub(crate) since_ms: i64,
}

impl Task {
    /// A task whose first try is handed on.
    pub(crate) fn out(generation: u32, at_ms: i64, faults: Faults) -> Self {
        Self {
            generation,
            phase: TaskPhase::Out(at_ms),
            faults,
            twin: None,
            spent: 0,
        }
    }

    pub(crate) fn is_out(&self) -> bool {
        matches!(self.phase, TaskPhase::Out(_))
    }

    /// Whether it waits to be tried again.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.phase, TaskPhase::Backoff(_))
    }

    /// The tries that are out: their generations, and since when.
    pub(crate) fn tries(&self) -> impl Iterator<Item = (u32, i64)> + use<> {
        let first = match self.phase {
            TaskPhase::Out(since) => Some((self.generation, since)),
            TaskPhase::Backoff(_) => None,
        };
        let second = self.twin.map(|twin| (twin.generation, twin.since_ms));
        first.into_iter().chain(second)
    }

    /// The try that is out beside the one of this generation.
    pub(crate) fn other(&self, generation: u32) -> Option<(u32, i64)> {
        self.tries().find(|(other, _)| *other != generation)
    }

    /// The task without the try of this generation; none if no other is out.
    pub(crate) fn without(&self, generation: u32) -> Option<Self> {
        let (other, since) = self.other(generation)?;
        Some(Self {
            spent: self.spent.max(generation),
            ..Self::out(other, since, self.faults)
        })
    }

    /// The generation that no try has had.
    pub(crate) fn next_generation(&self) -> u32 {
        let used = self.tries().map(|(generation, _)| generation);
        let last = used.chain([self.generation, self.spent]).max();
        last.unwrap_or(0).saturating_add(1)
    }

    /// When something happens by itself: the next try, or the end of a try's time.
    pub(crate) fn due(&self, timeout_ms: Option<u64>) -> Option<i64> {
        match self.phase {
            TaskPhase::Backoff(due) => Some(due),
            TaskPhase::Out(_) => {
                let timeout_ms = timeout_ms?;
                let since = self.tries().map(|(_, since)| since).min()?;
                Some(since.saturating_add_unsigned(timeout_ms))
            }
        }
    }
}
