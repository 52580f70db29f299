//! The state of a workflow: the fold of its journal.
//!
//! | from      | event             | to        |
//! |-----------|-------------------|-----------|
//! | none      | `Started`         | running   |
//! | running   | `Ended(succeeded)`| succeeded |
//! | running   | `Failing`         | failing   |
//! | running   | `Canceling`       | canceling |
//! | failing   | `Ended(failed)`   | failed    |
//! | canceling | `Ended(canceled)` | canceled  |
//! | failed    | `Retried`         | running   |
//! | failed, succeeded | `RetriedFrom` | running |
//!
//! Failing and canceling last until every invocation that is out was told to stop, and
//! what can be undone was.

use errors::Error;
use serde::{Deserialize, Serialize};

use crate::event::{End, Entry, Event, Header};
use crate::node::{Node, NodePhase};
use crate::plan::NodeId;

/// The states of a workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Running,
    Failing,
    Canceling,
    Succeeded,
    Failed,
    Canceled,
}

impl Phase {
    /// Whether it stays so.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled)
    }
}

/// A workflow as its journal tells it. Takes room for what runs, not for what is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The id of the workflow.
    pub id: String,
    /// What it was started with.
    pub header: Header,
    pub phase: Phase,
    /// In the order of the definition.
    pub nodes: Vec<Node>,
    /// Why it fails or failed, or was canceled.
    pub error: Option<Error>,
    /// How many events it is the fold of.
    pub events: u64,
    /// When the last of them happened, in Unix milliseconds.
    pub at_ms: i64,
    /// Why it hands nothing out, while somebody has paused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
    /// How often it went on after it had ended.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retries: u32,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A journal that this version cannot have written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {number} of workflow {workflow} does not fit what went before: {problem}")]
pub struct BrokenJournal {
    pub workflow: String,
    pub number: u64,
    pub problem: String,
}

impl State {
    /// The state of a workflow that has just started.
    pub fn new(id: impl Into<String>, header: Header, at_ms: i64) -> Self {
        Self {
            id: id.into(),
            nodes: vec![Node::default(); header.nodes.len()],
            header,
            phase: Phase::Running,
            error: None,
            events: 1,
            at_ms,
            paused: None,
            retries: 0,
        }
    }

    /// The state after a whole journal.
    ///
    /// # Errors
    /// When the entries are not the journal of one workflow, from its start.
    pub fn fold<'a>(
        id: &str,
        entries: impl IntoIterator<Item = &'a Entry>,
    ) -> Result<Option<Self>, BrokenJournal> {
        let mut state: Option<Self> = None;
        for entry in entries {
            match &mut state {
                Some(state) => state.replay(entry)?,
                None => state = Some(Self::begin(id, entry)?),
            }
        }
        Ok(state)
    }

    fn begin(id: &str, entry: &Entry) -> Result<Self, BrokenJournal> {
        let broken = |problem: &str| BrokenJournal {
            workflow: id.to_owned(),
            number: entry.first,
            problem: problem.to_owned(),
        };
        match entry.events.split_first() {
            Some((Event::Started(header), rest)) if entry.first == 0 => {
                let mut state = Self::new(id, Header::clone(header), entry.at_ms);
                rest.iter()
                    .try_for_each(|event| state.apply(event, entry.at_ms))?;
                Ok(state)
            }
            _ => Err(broken("a journal begins with `started`")),
        }
    }

    /// Applies the next entry of the journal; those applied before are passed over.
    ///
    /// # Errors
    /// When entries are missing before it, or it does not fit.
    pub fn replay(&mut self, entry: &Entry) -> Result<(), BrokenJournal> {
        if entry.first < self.events {
            return Ok(());
        }
        if entry.first > self.events {
            return Err(self.broken(format!("events from here to {} are missing", entry.first)));
        }
        entry
            .events
            .iter()
            .try_for_each(|event| self.apply(event, entry.at_ms))
    }

    /// Applies one event.
    ///
    /// # Errors
    /// When it does not fit, which leaves the state as it was.
    pub fn apply(&mut self, event: &Event, at_ms: i64) -> Result<(), BrokenJournal> {
        match event {
            Event::Started(_) => return Err(self.broken("it has started before")),
            Event::Failing { error } => self.stop_with(Phase::Failing, Error::clone(error)),
            Event::Canceling { reason } => {
                self.stop_with(Phase::Canceling, Error::canceled(reason));
            }
            Event::Paused { reason } => self.paused = Some(reason.clone()),
            Event::Resumed => self.paused = None,
            Event::Retried => self.retry(at_ms),
            Event::RetriedFrom { nodes, .. } => self.retry_from(nodes, at_ms)?,
            Event::Ended { end } => self.end(*end),
            event => self.apply_to_node(event, at_ms)?,
        }
        self.events += 1;
        self.at_ms = at_ms;
        Ok(())
    }

    fn apply_to_node(&mut self, event: &Event, at_ms: i64) -> Result<(), BrokenJournal> {
        let index = event.node().map_or(usize::MAX, NodeId::index);
        match self.nodes.get_mut(index) {
            Some(node) => change(node, event, self.events, at_ms),
            None => return Err(self.broken(format!("there is no node {index}"))),
        }
        Ok(())
    }

    fn retry(&mut self, at_ms: i64) {
        (self.phase, self.error, self.paused) = (Phase::Running, None, None);
        self.retries = self.retries.saturating_add(1);
        self.nodes.iter_mut().for_each(|node| node.retry(at_ms));
    }

    fn retry_from(&mut self, nodes: &[NodeId], at_ms: i64) -> Result<(), BrokenJournal> {
        if let Some(unknown) = nodes.iter().find(|node| node.index() >= self.nodes.len()) {
            return Err(self.broken(format!("there is no node {}", unknown.index())));
        }
        self.retry(at_ms);
        for node in nodes {
            self.nodes[node.index()].begin_again();
        }
        Ok(())
    }

    fn stop_with(&mut self, phase: Phase, error: Error) {
        self.phase = phase;
        self.error = Some(error);
        self.nodes.iter_mut().for_each(Node::forget_waiting);
    }

    fn end(&mut self, end: End) {
        self.phase = match end {
            End::Succeeded => Phase::Succeeded,
            End::Failed => Phase::Failed,
            End::Canceled => Phase::Canceled,
        };
        self.nodes.iter_mut().for_each(Node::cancel);
    }

    fn broken(&self, problem: impl Into<String>) -> BrokenJournal {
        BrokenJournal {
            workflow: self.id.clone(),
            number: self.events,
            problem: problem.into(),
        }
    }
}

fn change(node: &mut Node, event: &Event, number: u64, at_ms: i64) {
    match event {
        Event::NodeSkipped { reason, .. } => {
            node.phase = NodePhase::Skipped;
            node.skipped.clone_from(reason);
        }
        Event::NodeStarted { tasks, .. } => node.start(*tasks, at_ms),
        Event::TasksDispatched { tasks, .. } => {
            tasks
                .iter()
                .for_each(|(element, generation)| node.dispatch(*element, *generation, at_ms));
        }
        Event::TaskSucceeded {
            element,
            generation,
            success,
            ..
        } => node.succeed(*element, *generation, success, at_ms),
        Event::TaskFailed {
            element,
            generation,
            fault,
            retry_at_ms,
            ..
        } => {
            node.fail(*element, *generation, *fault, *retry_at_ms);
        }
        Event::TasksStopped { tasks, .. } => {
            tasks
                .iter()
                .for_each(|(element, generation)| node.stop(*element, *generation));
        }
        Event::NodeSucceeded { elements, .. } => node.pass(*elements, number),
        Event::NodeFailed { .. } => node.phase = NodePhase::Failed,
        Event::Signaled { elements, .. } => node.signal(*elements),
        Event::Started(_)
        | Event::Paused { .. }
        | Event::Resumed
        | Event::Retried
        | Event::RetriedFrom { .. }
        | Event::Failing { .. }
        | Event::Canceling { .. }
        | Event::Ended { .. } => {}
    }
}
