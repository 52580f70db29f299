use std::collections::BTreeMap;

use errors::Error;
use serde::{Deserialize, Serialize};

use crate::plan::NodeId;
use crate::retry::Fault;

/// The journal of a workflow: what happened, in order. Its state is the fold of
/// these. Values are not in it; they are kept in rows of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The workflow began.
    Started(Box<Header>),
    /// A node was passed over: since its condition in CEL holds, if there is a reason.
    NodeSkipped {
        node: NodeId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// All that a node waited for has ended; it has this many tasks.
    NodeStarted { node: NodeId, tasks: u64 },
    /// Invocations were handed to Timestone: (element, generation) each.
    TasksDispatched {
        node: NodeId,
        tasks: Vec<(u64, u32)>,
    },
    /// A task is done; its value is kept.
    TaskSucceeded {
        node: NodeId,
        element: u64,
        generation: u32,
        #[serde(flatten)]
        success: Success,
    },
    /// A try ended badly; it is tried again at `retry_at_ms`, if at all.
    TaskFailed {
        node: NodeId,
        element: u64,
        generation: u32,
        fault: Fault,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_at_ms: Option<i64>,
        error: Box<Error>,
    },
    /// These invocations were told to stop, or ended while the workflow was ending.
    TasksStopped {
        node: NodeId,
        tasks: Vec<(u64, u32)>,
    },
    /// A node put out its value; a list of this many elements, if it is one.
    NodeSucceeded {
        node: NodeId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        elements: Option<u64>,
    },
    /// A node failed for good.
    NodeFailed { node: NodeId },
    /// The signal that a node waits for has come; its value is kept. It may come
    /// before its node has started.
    Signaled {
        node: NodeId,
        /// The length of the list it brought, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        elements: Option<u64>,
    },
    /// Nothing more is handed out until it is resumed.
    Paused { reason: String },
    /// What was paused goes on.
    Resumed,
    /// A workflow that had failed goes on: what failed is tried again with new
    /// budgets, what was done is kept.
    Retried,
    /// A workflow that had failed or succeeded is run again from this node on: `nodes` begin
    /// anew, which are it and all that follow it; whatever else failed is tried again.
    RetriedFrom { node: NodeId, nodes: Vec<NodeId> },
    /// The workflow cannot succeed any more: what runs is told to stop.
    Failing { error: Box<Error> },
    /// Somebody canceled the workflow: what runs is told to stop.
    Canceling { reason: String },
    /// Nothing will happen any more.
    Ended { end: End },
}

impl Event {
    /// The node it is about, if it is not about the whole workflow.
    pub fn node(&self) -> Option<NodeId> {
        match self {
            Self::NodeSkipped { node, .. }
            | Self::NodeStarted { node, .. }
            | Self::TasksDispatched { node, .. }
            | Self::TaskSucceeded { node, .. }
            | Self::TaskFailed { node, .. }
            | Self::TasksStopped { node, .. }
            | Self::NodeSucceeded { node, .. }
            | Self::NodeFailed { node }
            | Self::RetriedFrom { node, .. }
            | Self::Signaled { node, .. } => Some(*node),
            Self::Started(_)
            | Self::Paused { .. }
            | Self::Resumed
            | Self::Retried
            | Self::Failing { .. }
            | Self::Canceling { .. }
            | Self::Ended { .. } => None,
        }
    }
}

/// How a workflow ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    Succeeded,
    Failed,
    Canceled,
}

/// What a workflow was started with and keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Header {
    pub definition: String,
    pub version: u32,
    /// The names of the nodes, in the order of the definition.
    pub nodes: Vec<String>,
    /// The place in `nodes` of the one whose output is the workflow's.
    pub output: u32,
    /// Searchable facts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// The queue that wants to hear how it goes; empty = none.
    pub notify: String,
    /// When the work has lost its worth, in Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<i64>,
    /// Lower is more urgent.
    pub priority: i64,
    pub tenant: String,
    pub principal: String,
    /// W3C trace context.
    pub traceparent: String,
    /// Who waits for its end, if another workflow does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// How many workflows are above it.
    #[serde(skip_serializing_if = "is_zero")]
    pub depth: u32,
    /// The version of each function that it runs, by name; of others, whatever is installed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub function_digests: BTreeMap<String, String>,
}

/// The node of a workflow that has started another one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    pub workflow: String,
    /// Its node, or its rule.
    pub node: String,
}

fn is_zero(depth: &u32) -> bool {
    *depth == 0
}

/// What is known of a task that is done, besides its value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Success {
    /// The length of the list it put out, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elements: Option<u64>,
    /// Bytes it put out, inline and in blobs.
    pub bytes: u64,
    /// Whether an earlier, equal invocation's output was used.
    pub from_memo: bool,
    /// Milliseconds of processor time.
    pub cpu_ms: u64,
    /// Of which decoding its input.
    pub decode_cpu_ms: u64,
}

/// Events that were journaled together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The number of the first of them in the workflow's journal, from 0.
    pub first: u64,
    /// When, in Unix milliseconds.
    pub at_ms: i64,
    pub events: Vec<Event>,
}
