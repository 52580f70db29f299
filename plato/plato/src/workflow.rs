use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use blob::Value;

use crate::definition::Run;
use crate::event::Header;
use crate::input::{Input, Step, TaskRef, Work};
use crate::intervals::IntervalSet;
use crate::node::{NodePhase, Sums};
use crate::plan::{NodeId, Plan};
use crate::state::{Phase, State};
use crate::turn::Turn;
use crate::work;

/// A running workflow: its journaled state, and what this process does for it.
///
/// Everything it does is a function of its state, its plan, the inputs and the
/// times handed in.
#[derive(Clone, Debug)]
pub struct Workflow {
    pub(crate) plan: Arc<Plan>,
    pub(crate) state: State,
    /// What this process does for each node; lost in a crash.
    pub(crate) doing: Vec<Doing>,
    /// Tasks of one node that are neither new nor done, at most.
    pub(crate) window: usize,
}

/// What this process does for one node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Doing {
    /// Tasks handed out as work, element to generation.
    pub(crate) tasks: BTreeMap<u64, u32>,
    /// Elements before it are not new.
    pub(crate) cursor: u64,
    pub(crate) sealing: bool,
    /// Whether it is being decided if the node is passed over.
    pub(crate) deciding: bool,
    /// How far running tries are.
    pub(crate) fractions: BTreeMap<u64, f64>,
}

/// How far a node is. Of a map, elements are counted, whatever its tasks are given.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeProgress {
    pub name: String,
    pub phase: NodePhase,
    /// Tasks: 1, or the elements of a map; 0 before the node has started.
    pub total: u64,
    pub done: u64,
    /// Elements of a map that have failed for good, which it was allowed.
    pub lost: u64,
    pub running: u64,
    /// Sum over running tasks of how far each is, 0 to 1 each.
    pub in_flight: f64,
    pub sums: Sums,
    /// Why it was passed over, if its condition in CEL holds.
    pub skipped: Option<String>,
}

impl Workflow {
    /// Starts a workflow. The names in `header` are filled in from the plan.
    ///
    /// `window` bounds the tasks of one node that run or wait for a retry.
    pub fn start(
        plan: Arc<Plan>,
        window: usize,
        id: &str,
        header: Header,
        input: &Value,
        now_ms: i64,
    ) -> (Self, Step) {
        let header = complete(header, &plan);
        let state = State::new(id, header.clone(), now_ms);
        let mut workflow = Self::restore(plan, window, state);
        let mut turn = Turn::new(&mut workflow, now_ms);
        turn.started(header, input);
        let step = turn.finish();
        (workflow, step)
    }

    /// Carries on with a workflow from its journaled state.
    pub fn restore(plan: Arc<Plan>, window: usize, state: State) -> Self {
        let doing = vec![Doing::default(); state.nodes.len()];
        Self {
            plan,
            state,
            doing,
            window: window.max(1),
        }
    }

    /// Takes one input.
    pub fn handle(&mut self, input: Input, now_ms: i64) -> Step {
        let mut turn = Turn::new(self, now_ms);
        turn.take(input);
        turn.finish()
    }

    /// What is to be done next; each thing is handed out once.
    pub fn work(&mut self, now_ms: i64) -> Vec<Work> {
        work::choose(self, now_ms)
    }

    /// When [`Input::Tick`] and [`Workflow::work`] next have something to do by
    /// themselves, in Unix milliseconds.
    pub fn due(&self) -> Option<i64> {
        work::due(self)
    }

    /// Whether tasks of the node may run: while it goes well, all but those that undo;
    /// while it ends otherwise, those alone.
    pub(crate) fn runs(&self, node: NodeId) -> bool {
        match self.state.phase {
            Phase::Running => !self.plan.is_undo(node),
            Phase::Failing | Phase::Canceling => self.plan.is_undo(node),
            Phase::Succeeded | Phase::Failed | Phase::Canceled => false,
        }
    }

    /// Whether all that the node waits for has ended, and it has not begun.
    pub(crate) fn is_ready(&self, node: NodeId) -> bool {
        let mut waits_for = self.plan.dependencies(node).iter();
        self.state.nodes[node.index()].phase == NodePhase::Waiting
            && waits_for.all(|of| self.state.nodes[of.index()].phase.lets_pass())
    }

    /// Why it hands nothing out for the time being. What is undone waits for nobody.
    pub(crate) fn is_held(&self) -> bool {
        self.state.phase == Phase::Running && self.state.paused.is_some()
    }

    /// The fold of its journal.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What it carries out.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// How many tries of a task needed more memory than their shape had.
    pub fn outgrown(&self, node: NodeId, element: u64) -> u32 {
        self.state.nodes[node.index()].faults(element).memory
    }

    /// Every invocation that is out, with what it is for.
    pub fn out(&self) -> impl Iterator<Item = TaskRef> {
        let nodes = self.plan.ids().zip(&self.state.nodes);
        nodes.flat_map(|(node, state)| {
            state.out().map(move |(element, generation)| TaskRef {
                node,
                element,
                generation,
            })
        })
    }

    /// The elements of a map that has started, or 1.
    pub fn elements(&self, node: NodeId) -> u64 {
        let tasks = self.state.nodes[node.index()].total;
        let source = self.plan.source(node).filter(|_| self.plan.batch(node) > 1);
        let listed = source.and_then(|source| self.state.nodes[source.index()].elements);
        listed.filter(|_| tasks > 0).unwrap_or(tasks)
    }

    /// The elements that one task of a map is given.
    pub fn span(&self, node: NodeId, task: u64) -> Range<u64> {
        let batch = self.plan.batch(node);
        let end = self.elements(node).min(task.saturating_add(1) * batch);
        (task * batch).min(end)..end
    }

    /// How many elements these tasks of a map are given.
    pub(crate) fn elements_in(&self, node: NodeId, tasks: &IntervalSet) -> u64 {
        let last = self.state.nodes[node.index()].total.saturating_sub(1);
        let batch = self.plan.batch(node);
        let span = self.span(node, last);
        let short = batch - (span.end - span.start).min(batch);
        tasks.len() * batch - if tasks.contains(last) { short } else { 0 }
    }

    /// What a task of a map is for, in words.
    pub fn named(&self, node: NodeId, task: u64) -> String {
        let span = self.span(node, task);
        match self.plan.node(node).batch {
            Some(_) if span.end > span.start + 1 => {
                format!("elements {} to {}", span.start, span.end - 1)
            }
            _ => format!("element {}", span.start),
        }
    }

    /// How far each node is.
    pub fn progress(&self) -> Vec<NodeProgress> {
        self.plan.ids().map(|id| self.node_progress(id)).collect()
    }

    fn node_progress(&self, id: NodeId) -> NodeProgress {
        let node = &self.state.nodes[id.index()];
        let doing = &self.doing[id.index()];
        NodeProgress {
            name: self.plan.node(id).name.clone(),
            phase: node.phase,
            total: self.elements(id),
            done: self.elements_in(id, &node.done),
            lost: self.elements_in(id, &node.lost),
            running: self.running(id),
            in_flight: doing
                .fractions
                .iter()
                .map(|(task, fraction)| fraction * self.count_of(id, *task) as f64)
                .sum(),
            sums: node.sums,
            skipped: node.skipped.clone(),
        }
    }

    fn count_of(&self, node: NodeId, task: u64) -> u64 {
        let span = self.span(node, task);
        span.end - span.start
    }

    /// Inline tasks run when they are handed out, invocations and calls when they are out.
    fn running(&self, id: NodeId) -> u64 {
        match self.plan.node(id).run {
            Run::Inline => {
                let tasks = self.doing[id.index()].tasks.keys();
                tasks.map(|task| self.count_of(id, *task)).sum()
            }
            Run::Function(_) | Run::Service { .. } | Run::Workflow { .. } => {
                let tries = self.state.nodes[id.index()].out();
                tries.map(|(task, _)| self.count_of(id, task)).sum()
            }
            Run::Signal | Run::Timer(_) => 0,
        }
    }
}

fn complete(mut header: Header, plan: &Plan) -> Header {
    let definition = plan.definition();
    header.definition = definition.name.clone();
    header.version = definition.version;
    header.nodes = definition
        .nodes
        .iter()
        .map(|node| node.name.clone())
        .collect();
    header.output = plan.output().0;
    header
}
