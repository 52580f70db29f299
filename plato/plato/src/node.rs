//! The state of one node.
//!
//! | from    | event                     | to        |
//! |---------|---------------------------|-----------|
//! | waiting | `NodeSkipped`             | skipped   |
//! | waiting | `NodeStarted`             | running   |
//! | waiting | `NodeFailed`              | failed    |
//! | running | `NodeSucceeded`           | succeeded |
//! | running | `NodeFailed`              | failed    |
//! | waiting, running | `Ended`          | canceled  |
//!
//! A map whose tasks are all done is still running until their results have been
//! sealed into a list; then it succeeds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::Success;
use crate::intervals::IntervalSet;
use crate::retry::{Fault, Faults};
use crate::task::{Task, TaskPhase};

/// The states of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodePhase {
    #[default]
    Waiting,
    Running,
    Succeeded,
    Failed,
    Skipped,
    Canceled,
}

impl NodePhase {
    /// Whether it stays so.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }

    /// Whether nodes after it may run.
    pub(crate) fn lets_pass(self) -> bool {
        matches!(self, Self::Succeeded | Self::Skipped)
    }
}

/// How a node is doing, as far as the journal tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    pub(crate) phase: NodePhase,
    pub(crate) total: u64,
    pub(crate) done: IntervalSet,
    pub(crate) active: BTreeMap<u64, Task>,
    /// The length of the list it put out.
    pub(crate) elements: Option<u64>,
    pub(crate) sums: Sums,
}

/// Sums over the tasks of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Tasks tried again.
    pub retries: u64,
    /// Tasks answered by an earlier, equal invocation.
    pub from_memo: u64,
    /// Milliseconds of processor time.
    pub cpu_ms: u64,
    /// Of which decoding the input.
    pub decode_cpu_ms: u64,
    /// Bytes put out.
    pub output_bytes: u64,
}

impl Node {
    /// Its state.
    pub fn phase(&self) -> NodePhase {
        self.phase
    }

    /// Its tasks: 1, or the elements of a map; 0 before it has started.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Tasks that are done.
    pub fn done(&self) -> u64 {
        self.done.len()
    }

    /// Invocations that are out.
    pub fn running(&self) -> u64 {
        self.active.values().filter(|task| task.is_out()).count() as u64
    }

    /// Sums over its tasks.
    pub fn sums(&self) -> Sums {
        self.sums
    }

    /// Whether every task is done.
    pub(crate) fn is_complete(&self) -> bool {
        self.done.len() == self.total
    }

    /// The invocations that are out: (element, generation).
    pub(crate) fn out(&self) -> impl Iterator<Item = (u64, u32)> {
        let out = self.active.iter().filter(|(_, task)| task.is_out());
        out.map(|(element, task)| (*element, task.generation))
    }

    pub(crate) fn is_out(&self, element: u64, generation: u32) -> bool {
        let task = self.active.get(&element);
        task.is_some_and(|task| task.is_out() && task.generation == generation)
    }

    pub(crate) fn faults(&self, element: u64) -> Faults {
        self.active
            .get(&element)
            .map_or_else(Faults::default, |task| task.faults)
    }

    pub(crate) fn start(&mut self, tasks: u64) {
        self.phase = NodePhase::Running;
        self.total = tasks;
    }

    pub(crate) fn dispatch(&mut self, element: u64, generation: u32, at_ms: i64) {
        let faults = self.faults(element);
        let phase = TaskPhase::Out(at_ms);
        self.active.insert(
            element,
            Task {
                generation,
                phase,
                faults,
            },
        );
    }

    pub(crate) fn succeed(&mut self, element: u64, success: &Success) {
        self.active.remove(&element);
        self.done.insert(element);
        self.sums.from_memo += u64::from(success.from_memo);
        self.sums.cpu_ms += success.cpu_ms;
        self.sums.decode_cpu_ms += success.decode_cpu_ms;
        self.sums.output_bytes += success.bytes;
    }

    pub(crate) fn fail(&mut self, element: u64, generation: u32, fault: Fault, retry: Option<i64>) {
        let mut faults = self.faults(element);
        faults.count(fault);
        self.active.remove(&element);
        if let Some(due) = retry {
            let phase = TaskPhase::Backoff(due);
            let generation = generation.saturating_add(1);
            self.active.insert(
                element,
                Task {
                    generation,
                    phase,
                    faults,
                },
            );
            self.sums.retries += 1;
        }
    }

    pub(crate) fn stop(&mut self, element: u64, generation: u32) {
        if self.is_out(element, generation) {
            self.active.remove(&element);
        }
    }

    pub(crate) fn forget_waiting(&mut self) {
        self.active.retain(|_, task| task.is_out());
    }

    pub(crate) fn cancel(&mut self) {
        if !self.phase.is_final() {
            self.phase = NodePhase::Canceled;
        }
    }
}
