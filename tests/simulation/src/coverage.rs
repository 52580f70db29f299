//! Which transitions of the state machines occurred, and how often.

use std::collections::BTreeMap;

use plato::{Event, NodePhase, Phase, Plan, Run, State};
use serde::Serialize;

/// A state machine, and a transition of it.
pub type Transition = (&'static str, &'static str, &'static str, &'static str);

/// Every transition there may be: the machine, its state, what happened, its next state.
pub const DECLARED: &[Transition] = &[
    ("workflow", "none", "started", "running"),
    ("workflow", "running", "ended", "succeeded"),
    ("workflow", "running", "failing", "failing"),
    ("workflow", "running", "canceling", "canceling"),
    ("workflow", "failing", "ended", "failed"),
    ("workflow", "canceling", "ended", "canceled"),
    ("workflow", "failed", "retried", "running"),
    ("pause", "going", "paused", "paused"),
    ("pause", "paused", "resumed", "going"),
    ("pause", "paused", "retried", "going"),
    ("node", "waiting", "node_skipped", "skipped"),
    ("node", "waiting", "node_started", "running"),
    ("node", "waiting", "node_failed", "failed"),
    ("node", "running", "node_succeeded", "succeeded"),
    ("node", "running", "node_failed", "failed"),
    ("node", "waiting", "ended", "canceled"),
    ("node", "running", "ended", "canceled"),
    ("node", "failed", "retried", "running"),
    ("node", "failed", "retried", "waiting"),
    ("node", "canceled", "retried", "running"),
    ("node", "canceled", "retried", "waiting"),
    ("timer", "waiting", "node_started", "running"),
    ("timer", "running", "node_succeeded", "succeeded"),
    ("timer", "running", "node_failed", "failed"),
    ("timer", "waiting", "ended", "canceled"),
    ("timer", "running", "ended", "canceled"),
    ("timer", "waiting", "node_skipped", "skipped"),
    ("timer", "failed", "retried", "running"),
    ("timer", "canceled", "retried", "running"),
    ("timer", "canceled", "retried", "waiting"),
    ("task", "new", "tasks_dispatched", "out"),
    ("task", "backoff", "tasks_dispatched", "out"),
    ("task", "out", "task_succeeded", "done"),
    ("task", "out", "task_failed", "backoff"),
    ("task", "out", "task_failed", "gone"),
    ("task", "out", "tasks_stopped", "gone"),
    ("task", "backoff", "failing", "gone"),
    ("task", "backoff", "canceling", "gone"),
    ("task", "gone", "tasks_dispatched", "out"),
    ("call", "new", "tasks_dispatched", "out"),
    ("call", "backoff", "tasks_dispatched", "out"),
    ("call", "out", "task_succeeded", "done"),
    ("call", "out", "task_failed", "backoff"),
    ("call", "out", "task_failed", "gone"),
    ("call", "out", "tasks_stopped", "gone"),
    ("call", "backoff", "failing", "gone"),
    ("call", "backoff", "canceling", "gone"),
    ("call", "gone", "tasks_dispatched", "out"),
    ("task", "out", "tasks_dispatched", "out"),
    ("task", "out", "task_failed", "out"),
    ("task", "out", "tasks_stopped", "out"),
    ("child", "backoff", "canceling", "gone"),
    ("child", "backoff", "failing", "gone"),
    ("child", "backoff", "tasks_dispatched", "out"),
    ("child", "gone", "tasks_dispatched", "out"),
    ("child", "new", "tasks_dispatched", "out"),
    ("child", "out", "task_failed", "backoff"),
    ("child", "out", "task_failed", "gone"),
    ("child", "out", "task_succeeded", "done"),
    ("child", "out", "tasks_stopped", "gone"),
    ("undo", "canceled", "retried", "waiting"),
    ("undo", "running", "node_failed", "failed"),
    ("undo", "running", "node_succeeded", "succeeded"),
    ("undo", "waiting", "ended", "canceled"),
    ("undo", "waiting", "node_skipped", "skipped"),
    ("undo", "waiting", "node_started", "running"),
    ("inline", "new", "task_succeeded", "done"),
    ("workflow", "failed", "retried_from", "running"),
    ("workflow", "succeeded", "retried_from", "running"),
    ("pause", "paused", "retried_from", "going"),
    ("node", "canceled", "retried_from", "running"),
    ("node", "canceled", "retried_from", "waiting"),
    ("node", "failed", "retried_from", "running"),
    ("node", "failed", "retried_from", "waiting"),
    ("node", "skipped", "retried_from", "waiting"),
    ("node", "succeeded", "retried_from", "waiting"),
    ("undo", "canceled", "retried_from", "waiting"),
    ("undo", "skipped", "retried_from", "waiting"),
];

/// How often each transition occurred.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(pub BTreeMap<Transition, u64>);

/// One line of a report on coverage.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Counted {
    pub machine: &'static str,
    pub from: &'static str,
    pub event: &'static str,
    pub to: &'static str,
    pub count: u64,
}

impl Coverage {
    /// Counts what `other` has seen.
    pub fn add(&mut self, other: &Self) {
        for (transition, count) in &other.0 {
            *self.0.entry(*transition).or_default() += count;
        }
    }

    /// Declared transitions that never occurred.
    pub fn missing(&self) -> Vec<Transition> {
        let declared = DECLARED.iter().copied();
        declared
            .filter(|known| !self.0.contains_key(known))
            .collect()
    }

    /// Transitions that occurred and are not declared.
    pub fn undeclared(&self) -> Vec<Transition> {
        let occurred = self.0.keys().copied();
        occurred.filter(|known| !DECLARED.contains(known)).collect()
    }

    /// Every declared transition, with how often it occurred.
    pub fn counted(&self) -> Vec<Counted> {
        let count = |known: &Transition| self.0.get(known).copied().unwrap_or_default();
        let counted = DECLARED.iter().map(|known| Counted {
            machine: known.0,
            from: known.1,
            event: known.2,
            to: known.3,
            count: count(known),
        });
        counted.collect()
    }

    fn see(&mut self, transition: Transition) {
        *self.0.entry(transition).or_default() += 1;
    }
}

/// Follows the tasks of one workflow.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks(BTreeMap<(usize, u64), Task>);

#[derive(Clone, Copy, Debug)]
struct Task {
    state: &'static str,
    /// Tries that are out: two, when a slow one is run a second time.
    out: u32,
}

const NEW: Task = Task {
    state: "new",
    out: 0,
};

impl Task {
    /// After one of its tries has come to this.
    fn goes(self, to: &'static str) -> Self {
        let out = match to {
            "out" => self.out + 1,
            "done" => 0,
            _ => self.out.saturating_sub(1),
        };
        let state = if out > 0 { "out" } else { to };
        Self { state, out }
    }
}

impl Tasks {
    /// Counts what an event did to the workflow, whose states before and after are given.
    pub(crate) fn see(
        &mut self,
        plan: &Plan,
        event: &Event,
        before: &State,
        after: &State,
        coverage: &mut Coverage,
    ) {
        let name = name(event);
        if before.phase != after.phase {
            coverage.see(("workflow", phase(before.phase), name, phase(after.phase)));
        }
        match (&before.paused, &after.paused) {
            (None, Some(_)) => coverage.see(("pause", "going", name, "paused")),
            (Some(_), None) => coverage.see(("pause", "paused", name, "going")),
            _ => {}
        }
        let nodes = before.nodes.iter().zip(&after.nodes);
        for ((before, after), definition) in nodes.zip(&plan.definition().nodes) {
            if before.phase() != after.phase() {
                let machine = match definition.run {
                    _ if definition.kind.is_undo() => "undo",
                    // Any node begins anew alike.
                    Run::Timer(_) if name != "retried_from" => "timer",
                    _ => "node",
                };
                let (from, to) = (node(before.phase()), node(after.phase()));
                coverage.see((machine, from, name, to));
            }
        }
        self.follow(plan, event, coverage);
    }

    fn follow(&mut self, plan: &Plan, event: &Event, coverage: &mut Coverage) {
        match event {
            Event::TasksDispatched { node, tasks } => {
                for (element, _) in tasks {
                    self.step(plan, *node, *element, name(event), "out", coverage);
                }
            }
            Event::TasksStopped { node, tasks } => {
                for (element, _) in tasks {
                    self.step(plan, *node, *element, name(event), "gone", coverage);
                }
            }
            Event::TaskSucceeded { node, element, .. } => {
                self.step(plan, *node, *element, name(event), "done", coverage);
            }
            Event::TaskFailed {
                node,
                element,
                retry_at_ms,
                ..
            } => {
                let to = match retry_at_ms {
                    Some(_) => "backoff",
                    None => "gone",
                };
                self.step(plan, *node, *element, name(event), to, coverage);
            }
            // Each run of a node has tasks of its own.
            Event::RetriedFrom { nodes, .. } => {
                let begins = |node: usize| nodes.iter().any(|begun| begun.index() == node);
                self.0.retain(|(node, _), _| !begins(*node));
            }
            Event::Failing { .. } | Event::Canceling { .. } => {
                self.forget_waiting(plan, event, coverage);
            }
            _ => {}
        }
    }

    fn forget_waiting(&mut self, plan: &Plan, event: &Event, coverage: &mut Coverage) {
        let waiting = self.0.iter().filter(|(_, task)| task.state == "backoff");
        let waiting: Vec<(usize, u64)> = waiting.map(|(task, _)| *task).collect();
        for (node, element) in waiting {
            let node = plato::NodeId(u32::try_from(node).unwrap_or(u32::MAX));
            self.step(plan, node, element, name(event), "gone", coverage);
        }
    }

    fn step(
        &mut self,
        plan: &Plan,
        node: plato::NodeId,
        element: u64,
        event: &'static str,
        to: &'static str,
        coverage: &mut Coverage,
    ) {
        let task = self.0.entry((node.index(), element)).or_insert(NEW);
        let from = task.state;
        *task = task.goes(to);
        let to = task.state;
        let machine = match plan.node(node).run {
            Run::Inline => "inline",
            Run::Function(_) => "task",
            Run::Service { .. } => "call",
            Run::Workflow { .. } => "child",
            _ => return,
        };
        coverage.see((machine, from, event, to));
    }

    /// Counts the start of a workflow.
    pub(crate) fn started(coverage: &mut Coverage) {
        coverage.see(("workflow", "none", "started", "running"));
    }
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Running => "running",
        Phase::Failing => "failing",
        Phase::Canceling => "canceling",
        Phase::Succeeded => "succeeded",
        Phase::Failed => "failed",
        Phase::Canceled => "canceled",
    }
}

fn node(phase: NodePhase) -> &'static str {
    match phase {
        NodePhase::Waiting => "waiting",
        NodePhase::Running => "running",
        NodePhase::Succeeded => "succeeded",
        NodePhase::Failed => "failed",
        NodePhase::Skipped => "skipped",
        NodePhase::Canceled => "canceled",
    }
}

fn name(event: &Event) -> &'static str {
    match event {
        Event::Started(_) => "started",
        Event::NodeSkipped { .. } => "node_skipped",
        Event::NodeStarted { .. } => "node_started",
        Event::TasksDispatched { .. } => "tasks_dispatched",
        Event::TaskSucceeded { .. } => "task_succeeded",
        Event::TaskFailed { .. } => "task_failed",
        Event::TasksStopped { .. } => "tasks_stopped",
        Event::NodeSucceeded { .. } => "node_succeeded",
        Event::NodeFailed { .. } => "node_failed",
        Event::Signaled { .. } => "signaled",
        Event::Paused { .. } => "paused",
        Event::Resumed => "resumed",
        Event::Retried => "retried",
        Event::RetriedFrom { .. } => "retried_from",
        Event::Failing { .. } => "failing",
        Event::Canceling { .. } => "canceling",
        Event::Ended { .. } => "ended",
    }
}
