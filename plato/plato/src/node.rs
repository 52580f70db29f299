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
//! | failed, canceled | `Retried`        | running, or waiting if it had not started |
//!
//! A node that undoes another starts while its workflow is failing or canceling, and
//! is skipped where that succeeds.
//!
//! A map whose tasks are all done is still running until their results have been
//! sealed into a list; then it succeeds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::definition::{NodeDef, Run};
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
    /// When it started, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) since_ms: Option<i64>,
    /// Whether the signal that it waits for has come.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) signaled: bool,
    /// The generation after every one so far.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) next_generation: u32,
    /// The generation that new tasks begin with: none is ever used twice.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) first_generation: u32,
    /// The number of the event by which it succeeded.
    #[serde(default, skip_serializing_if = "is_none")]
    pub(crate) succeeded_at: u64,
}

fn is_none(number: &u64) -> bool {
    *number == 0
}

fn is_zero(number: &u32) -> bool {
    *number == 0
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

    /// Whether it has ever begun.
    pub(crate) fn has_started(&self) -> bool {
        self.since_ms.is_some()
    }

    /// Invocations that are out.
    pub fn running(&self) -> u64 {
        self.active.values().filter(|task| task.is_out()).count() as u64
    }

    /// Whether the signal that it waits for has come.
    pub fn is_signaled(&self) -> bool {
        self.signaled
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
    pub fn out(&self) -> impl Iterator<Item = (u64, u32)> {
        let out = self.active.iter().filter(|(_, task)| task.is_out());
        out.map(|(element, task)| (*element, task.generation))
    }

    /// When its own deadline passes, in Unix milliseconds.
    pub(crate) fn ends_ms(&self, definition: &NodeDef) -> Option<i64> {
        self.after_start(definition.deadline_ms?)
    }

    /// When the timer that it waits for is over, in Unix milliseconds.
    pub(crate) fn fires_ms(&self, definition: &NodeDef) -> Option<i64> {
        match definition.run {
            Run::Timer(wait_ms) => self.after_start(wait_ms),
            _ => None,
        }
    }

    fn after_start(&self, wait_ms: u64) -> Option<i64> {
        let since = self.since_ms.filter(|_| self.phase == NodePhase::Running)?;
        Some(since.saturating_add_unsigned(wait_ms))
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

    pub(crate) fn start(&mut self, tasks: u64, at_ms: i64) {
        self.phase = NodePhase::Running;
        self.total = tasks;
        self.since_ms = Some(at_ms);
    }

    pub(crate) fn dispatch(&mut self, element: u64, generation: u32, at_ms: i64) {
        let faults = self.faults(element);
        self.used(generation);
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
        self.used(generation);
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

    fn used(&mut self, generation: u32) {
        self.next_generation = self.next_generation.max(generation.saturating_add(1));
    }

    pub(crate) fn signal(&mut self, elements: Option<u64>) {
        self.signaled = true;
        self.elements = elements;
    }

    /// As it was before the workflow failed; what is done stays done.
    pub(crate) fn retry(&mut self, at_ms: i64) {
        if matches!(self.phase, NodePhase::Failed | NodePhase::Canceled) {
            self.phase = match self.since_ms {
                Some(_) => NodePhase::Running,
                None => NodePhase::Waiting,
            };
            self.first_generation = self.next_generation;
            self.since_ms = self.since_ms.map(|_| at_ms);
        }
    }

    pub(crate) fn pass(&mut self, elements: Option<u64>, number: u64) {
        self.phase = NodePhase::Succeeded;
        self.elements = elements;
        self.succeeded_at = number;
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
