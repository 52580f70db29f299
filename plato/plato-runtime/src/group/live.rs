use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use plato::{Activation, Header, NodeId, State, Value, Work, Workflow};
use timestone::NewMessage;
use timestone_client::names;

use super::values::{Room, Values};
use crate::jobs::{Job, NodeOf, SealCounts};
use crate::wire::{self, Telling};

/// A workflow that has not ended, in the memory of its owner.
pub(crate) struct Live {
    pub(crate) id: Arc<str>,
    pub(crate) workflow: Workflow,
    pub(crate) activation: Arc<Activation>,
    pub(crate) header: Arc<Header>,
    /// What it was given and what its nodes put out, if all of it is in memory.
    pub(crate) values: Option<Values>,
    /// The workflow's output, once its node has succeeded.
    pub(crate) output: Option<Value>,
    /// The number of the newest event told; grows over restarts.
    pub(crate) sequence: u64,
    /// Events that the newest snapshot is the fold of, if there is one.
    pub(crate) snapshot: Option<u64>,
    /// When it was last told how it is doing, in Unix milliseconds.
    pub(crate) told_ms: i64,
    /// When it is to be ticked, as entered in the timers.
    pub(crate) due_ms: Option<i64>,
    contexts: HashMap<NodeId, NodeOf>,
}

impl Live {
    pub(crate) fn new(workflow: Workflow, activation: Arc<Activation>, epoch: u64) -> Self {
        Self {
            id: workflow.state().id.as_str().into(),
            header: Arc::new(workflow.state().header.clone()),
            activation,
            values: None,
            output: None,
            sequence: Self::first_sequence(workflow.state(), epoch),
            snapshot: None,
            told_ms: 0,
            due_ms: None,
            contexts: HashMap::new(),
            workflow,
        }
    }

    /// Keeps what it was started with.
    pub(crate) fn with_input(mut self, input: Value, room: &Arc<Room>) -> Self {
        self.values = Values::new(room, input);
        self
    }

    /// Keeps what a node put out.
    pub(crate) fn keep_output(&mut self, node: NodeId, value: Value) {
        if self.activation.plan().output() == node {
            self.output = Some(value.clone());
        }
        let values = self.values.take();
        self.values = values.and_then(|values| values.with(node, value));
    }

    /// A later owner's numbers are higher, however many this one will give; so are those
    /// of a workflow that goes on after its end was told.
    pub(crate) fn first_sequence(state: &State, epoch: u64) -> u64 {
        (epoch << 32) + (u64::from(state.retries) << 24)
    }

    /// The jobs of what the workflow wants done now.
    pub(crate) fn jobs(&mut self, now_ms: i64) -> Vec<Job> {
        let work = self.workflow.work(now_ms);
        self.forget_contexts();
        work.into_iter().map(|work| self.job(work)).collect()
    }

    fn job(&mut self, work: Work) -> Job {
        match work {
            Work::Run { node, tasks } => Job::Run {
                outgrown: self.outgrown(node, &tasks),
                of: self.node_of(node),
                tasks,
            },
            Work::Decide { node } => Job::Decide {
                of: self.node_of(node),
            },
            Work::Seal { node } => {
                let batch = self.workflow.plan().node(node).batch.map(u64::from);
                let counts = SealCounts {
                    tasks: self.workflow.state().nodes[node.index()].total(),
                    elements: self.workflow.elements(node),
                    batch,
                };
                Job::Seal {
                    of: self.node_of(node),
                    counts,
                }
            }
        }
    }

    /// The tasks that need a larger shape than is usual, and how many sizes larger.
    fn outgrown(&self, node: NodeId, tasks: &[(u64, u32)]) -> BTreeMap<u64, u32> {
        let sizes = |element| (element, self.workflow.outgrown(node, element));
        let tasks = tasks.iter().map(|(element, _)| sizes(*element));
        tasks.filter(|(_, sizes)| *sizes > 0).collect()
    }

    /// How often the node has begun anew.
    pub(crate) fn run_of(&self, node: NodeId) -> u32 {
        self.workflow.state().nodes[node.index()].run()
    }

    fn node_of(&mut self, node: NodeId) -> NodeOf {
        let run = self.run_of(node);
        let new = || NodeOf {
            run,
            workflow: Arc::clone(&self.id),
            node,
            activation: Arc::clone(&self.activation),
            header: Arc::clone(&self.header),
            context: Arc::default(),
        };
        self.contexts.entry(node).or_insert_with(new).clone()
    }

    /// What nodes that have ended were given is not needed any more.
    fn forget_contexts(&mut self) {
        let nodes = &self.workflow.state().nodes;
        self.contexts
            .retain(|node, _| !nodes[node.index()].phase().is_final());
    }

    /// The message that tells how the workflow is doing, if anybody wants to hear.
    pub(crate) fn tell(&mut self) -> Option<NewMessage> {
        if self.header.notify.is_empty() {
            return None;
        }
        self.sequence += 1;
        let state = self.workflow.state();
        let payload = self.telling(self.workflow.progress());
        // What many nodes and a large output do not leave room for can be asked for.
        let fits = payload.len() <= timestone::limits::MAX_PAYLOAD_BYTES;
        Some(NewMessage {
            queue: self.header.notify.clone(),
            id: names::event_id(&self.id, self.sequence),
            payload: if fits {
                payload
            } else {
                self.telling(Vec::new())
            },
            priority: state.header.priority,
            ..NewMessage::default()
        })
    }

    fn telling(&self, nodes: Vec<plato::NodeProgress>) -> bytes::Bytes {
        let state = self.workflow.state();
        let succeeded = state.phase == plato::Phase::Succeeded;
        wire::event(Telling {
            workflow: &self.id,
            header: &self.header,
            sequence: self.sequence,
            phase: state.phase,
            nodes,
            output: self.output.as_ref().filter(|_| succeeded),
            error: state.error.as_ref().filter(|_| state.phase.is_final()),
        })
    }
}
