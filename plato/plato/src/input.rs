use errors::Error;

use crate::event::{Event, Success};
use crate::plan::NodeId;

/// One try of one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskRef {
    pub node: NodeId,
    /// 0 where the node is not a map.
    pub element: u64,
    /// Which try, from 0.
    pub generation: u32,
}

impl TaskRef {
    /// The id of the invocation that carries this try (seam S4).
    pub fn invocation(&self, workflow: &str, node: &str) -> String {
        ids::invocation(workflow, node, self.element, self.generation)
    }
}

/// Something that happened to a workflow.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Invocations of a node were prepared: (element, generation) each. Those that
    /// the event that follows names are handed on together with it.
    Prepared(NodeId, Vec<(u64, u32)>),
    /// A try could not be prepared.
    Unprepared(TaskRef, Error),
    /// A try ended well; its value is kept together with the events that this causes.
    Succeeded(TaskRef, Success),
    /// A try ended badly.
    Failed(TaskRef, Error),
    /// The results of a map were sealed into a list, which is kept as its output.
    Sealed(NodeId),
    /// The results of a map cannot be sealed.
    Unsealed(NodeId, Error),
    /// Whether the condition of a node holds; or it cannot be decided.
    Decided(NodeId, Result<bool, Error>),
    /// Invocations were told to stop.
    Told(Vec<TaskRef>),
    /// Somebody wants the workflow to end.
    Cancel { reason: String },
    /// Somebody wants it to hand nothing out for the time being.
    Pause { reason: String },
    /// Somebody wants it to go on.
    Resume,
    /// Somebody wants what failed to be tried again.
    Retry,
    /// Somebody wants this node and all that follow it to be run again.
    RetryFrom(NodeId),
    /// The signal that a node waits for came, with a list of so many elements, if
    /// any; its value is kept together with the event that this causes.
    Signal(NodeId, Option<u64>),
    /// How far a running try is, 0 to 1.
    Progress {
        node: NodeId,
        element: u64,
        fraction: f64,
    },
    /// Time has passed.
    Tick,
}

/// What one input led to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// To be journaled. The state of the workflow already is the fold of them.
    pub events: Vec<Event>,
    /// Invocations to be told to stop; [`Input::Told`] says that they were.
    pub cancel: Vec<TaskRef>,
    /// Set when the input changed nothing.
    pub ignored: Option<Ignored>,
}

/// Why an input changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// It concerns a try that was given up, or a workflow that is ending.
    Late,
    /// It had been recorded before.
    Duplicate,
}

/// What the workflow wants done next. Not journaled: a workflow that is restored
/// from its journal wants it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Run these tasks: inline, or by preparing invocations. (element, generation) each.
    Run {
        node: NodeId,
        tasks: Vec<(u64, u32)>,
    },
    /// Seal the results of this map into a list.
    Seal { node: NodeId },
    /// Decide whether this node is passed over: see [`crate::skip::holds`].
    Decide { node: NodeId },
}
