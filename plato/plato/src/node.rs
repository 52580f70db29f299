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
//! | any final        | `RetriedFrom`    | waiting, if it is named there; else as by `Retried` |
//!
//! A node that undoes another starts while its workflow is failing or canceling, and
//! is skipped where that succeeds.
//!
//! A map whose tasks are all done is still running until their results have been
//! sealed into a list; then it succeeds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::definition::{NodeDef, Run};
use crate::durations::Durations;
use crate::event::Success;
use crate::intervals::IntervalSet;
use crate::retry::{Fault, Faults};
use crate::task::{Task, TaskPhase, Twin};

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
    /// Elements that have failed for good.
    #[serde(default, skip_serializing_if = "IntervalSet::is_empty")]
    pub(crate) lost: IntervalSet,
    pub(crate) active: BTreeMap<u64, Task>,
    /// The length of the list it put out.
    pub(crate) elements: Option<u64>,
    pub(crate) sums: Sums,
    /// How long the tasks of a map took.
    #[serde(default, skip_serializing_if = "Durations::is_empty")]
    pub(crate) durations: Durations,
    /// When it started, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) since_ms: Option<i64>,
    /// Why it was passed over, if its condition in CEL holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) skipped: Option<String>,
    /// Whether the signal that it waits for has come.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) signaled: bool,
    /// The generation after every one so far.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) next_generation: u32,
    /// The generation that new tasks begin with: none is ever used twice.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) first_generation: u32,
    /// How often it has begun anew.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) run: u32,
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
    /// Tasks run a second time, since they were slow.
    #[serde(default, skip_serializing_if = "is_none")]
    pub speculated: u64,
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

    /// Why it was passed over, if its condition in CEL holds.
    pub fn skipped(&self) -> Option<&str> {
        self.skipped.as_deref()
    }

    /// Whether it has ever begun.
    pub(crate) fn has_started(&self) -> bool {
        self.since_ms.is_some()
    }

    /// Elements of a map that have failed for good, which it was allowed.
    pub fn lost(&self) -> u64 {
        self.lost.len()
    }

    /// Whether this element has failed for good, and its error is its result.
    pub fn is_lost(&self, element: u64) -> bool {
        self.lost.contains(element)
    }

    /// How often it has begun anew: results of its earlier runs are none of this one.
    pub fn run(&self) -> u32 {
        self.run
    }

    /// Invocations that are out.
    pub fn running(&self) -> u64 {
        self.out().count() as u64
    }

    /// Whether the signal that it waits for has come.
    pub fn is_signaled(&self) -> bool {
        self.signaled
    }

    /// Sums over its tasks.
    pub fn sums(&self) -> Sums {
        self.sums
    }

    /// Whether every task is done, or lost.
    pub(crate) fn is_complete(&self) -> bool {
        self.done.len() + self.lost.len() == self.total
    }

    /// The invocations that are out: (element, generation).
    pub fn out(&self) -> impl Iterator<Item = (u64, u32)> {
        let tries = |(element, task): (&u64, &Task)| {
            let element = *element;
            task.tries()
                .map(move |(generation, _)| (element, generation))
        };
        self.active.iter().flat_map(tries)
    }

    /// Since when a try is out, in Unix milliseconds.
    pub(crate) fn since(&self, element: u64, generation: u32) -> Option<i64> {
        let mut tries = self.active.get(&element)?.tries();
        tries.find_map(|(of, since)| (of == generation).then_some(since))
    }

    /// The try of the element that is out beside the one of this generation.
    pub(crate) fn other(&self, element: u64, generation: u32) -> Option<u32> {
        let (other, _) = self.active.get(&element)?.other(generation)?;
        Some(other)
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
        self.since(element, generation).is_some()
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
        self.used(generation);
        match self.active.get_mut(&element) {
            Some(task) if task.is_out() => {
                let since_ms = at_ms;
                task.twin = Some(Twin {
                    generation,
                    since_ms,
                });
                self.sums.speculated += 1;
            }
            _ => {
                let task = Task::out(generation, at_ms, self.faults(element));
                self.active.insert(element, task);
            }
        }
    }

    pub(crate) fn succeed(&mut self, element: u64, generation: u32, success: &Success, at_ms: i64) {
        let since = self.since(element, generation);
        if let Some(since) = since.filter(|_| self.total > 1 && !success.from_memo) {
            let took = at_ms.saturating_sub(since);
            self.durations.add(u64::try_from(took).unwrap_or(0));
        }
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
        let task = self.active.remove(&element);
        if let Some(rest) = task.and_then(|task| task.without(generation)) {
            self.active.insert(element, Task { faults, ..rest });
        } else if let Some(due) = retry {
            let spent = task.map_or(0, |task| task.spent).max(generation);
            let phase = TaskPhase::Backoff(due);
            let task = Task {
                generation: spent.saturating_add(1),
                phase,
                ..Task::out(0, 0, faults)
            };
            self.active.insert(element, task);
            self.sums.retries += 1;
        } else {
            self.lost.insert(element);
        }
    }

    pub(crate) fn stop(&mut self, element: u64, generation: u32) {
        if self.is_out(element, generation)
            && let Some(task) = self.active.remove(&element)
        {
            let rest = task.without(generation);
            self.active.extend(rest.map(|task| (element, task)));
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
            // What was handed out as work only is not among those that were used.
            self.first_generation = self.first_generation.max(self.next_generation);
            self.lost = IntervalSet::default();
            self.since_ms = self.since_ms.map(|_| at_ms);
        }
    }

    /// As if it had never begun, but that what it has cost stays counted, and no generation that
    /// was handed out, if only as work, is used again.
    pub(crate) fn begin_again(&mut self) {
        let used = self.first_generation.max(self.next_generation);
        *self = Self {
            sums: self.sums,
            next_generation: self.next_generation,
            first_generation: used.saturating_add(1),
            run: self.run.saturating_add(1),
            ..Self::default()
        };
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
