//! What people do to a workflow, and what happens to nodes that only wait.

use errors::{Class, Error};

use super::Turn;
use crate::again;
use crate::definition::Run;
use crate::event::{Event, Success};
use crate::input::Ignored;
use crate::limits::MAX_WORKFLOW_RETRIES;
use crate::node::NodePhase;
use crate::plan::NodeId;
use crate::state::Phase;
use crate::workflow::Workflow;

impl Turn<'_> {
    pub(super) fn pause(&mut self, reason: String) {
        let state = &self.workflow.state;
        match (state.phase, &state.paused) {
            (Phase::Running, None) => self.record(Event::Paused { reason }),
            (Phase::Running, Some(_)) => self.step.ignored = Some(Ignored::Duplicate),
            _ => self.step.ignored = Some(Ignored::Late),
        }
    }

    pub(super) fn resume(&mut self) {
        let state = &self.workflow.state;
        match (state.phase, &state.paused) {
            (Phase::Running, Some(_)) => self.record(Event::Resumed),
            (Phase::Running, None) => self.step.ignored = Some(Ignored::Duplicate),
            _ => self.step.ignored = Some(Ignored::Late),
        }
    }

    /// What had failed, or was stopped by that, is tried again.
    pub(super) fn retry(&mut self) {
        let state = &self.workflow.state;
        match state.phase {
            // What was undone would be missed by what is kept.
            Phase::Failed if self.workflow.plan.is_undone(state) => {
                self.step.ignored = Some(Ignored::Late);
            }
            Phase::Failed if state.retries < MAX_WORKFLOW_RETRIES => self.record(Event::Retried),
            Phase::Running => self.step.ignored = Some(Ignored::Duplicate),
            _ => self.step.ignored = Some(Ignored::Late),
        }
    }

    /// A node and what follows it are run again, whether or not they had succeeded.
    pub(super) fn retry_from(&mut self, node: NodeId) {
        let Workflow { plan, state, .. } = &*self.workflow;
        match again::from(plan, state, node, self.now_ms) {
            Ok(nodes) => {
                self.record(Event::RetriedFrom { node, nodes });
                self.do_nothing();
            }
            Err(_) => self.step.ignored = Some(Ignored::Late),
        }
    }

    pub(super) fn signal(&mut self, node: NodeId, elements: Option<u64>) {
        let waits = self
            .workflow
            .state
            .nodes
            .get(node.index())
            .filter(|_| self.workflow.plan.node(node).run == Run::Signal)
            .filter(|_| self.workflow.state.phase == Phase::Running);
        match waits {
            Some(known) if known.signaled => self.step.ignored = Some(Ignored::Duplicate),
            Some(known) if !known.phase.is_final() => {
                self.record(Event::Signaled { node, elements });
                self.pass_signaled(node);
            }
            _ => self.step.ignored = Some(Ignored::Late),
        }
    }

    /// A node whose signal is there has nothing left to wait for once it has started.
    pub(super) fn pass_signaled(&mut self, node: NodeId) {
        let state = self.node(node);
        if state.signaled && state.phase == NodePhase::Running {
            self.pass(node, state.elements);
        }
    }

    pub(super) fn fire_timers(&mut self) {
        for node in self.workflow.plan.ids() {
            let fires = self.node(node).fires_ms(self.workflow.plan.node(node));
            if fires.is_some_and(|fires| fires <= self.now_ms) {
                self.pass(node, None);
            }
        }
    }

    /// What a node waited for is there.
    fn pass(&mut self, node: NodeId, elements: Option<u64>) {
        let success = Success {
            elements,
            ..Success::default()
        };
        self.record(Event::TaskSucceeded {
            node,
            element: 0,
            generation: self.node(node).first_generation,
            success,
        });
        self.record(Event::NodeSucceeded { node, elements });
    }

    /// Nodes that have taken too long as a whole fail.
    pub(super) fn end_late_nodes(&mut self) {
        let plan = std::sync::Arc::clone(&self.workflow.plan);
        let late = plan.ids().find(|node| {
            let ends = self.node(*node).ends_ms(plan.node(*node));
            ends.is_some_and(|ends| ends <= self.now_ms)
        });
        if let Some(node) = late.filter(|_| self.workflow.state.phase == Phase::Running) {
            let name = &plan.node(node).name;
            let message = format!("node {name} took longer than its deadline allows");
            let error = Error::new(Class::Deadline, "NODE_DEADLINE_EXCEEDED", message);
            self.fail(node, error);
        }
    }
}
