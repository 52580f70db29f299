//! Why a workflow waits: what its state says, and what Timestone knows of its tries.

use std::fmt::Display;

use errors::Error;
use plato::{Header, NodeId, Phase, Plan, Reason, Run, State, TaskRef};
use proto::plato::v1 as wire;
use timestone::{MessageKey, MessageState, MessageView, QueueCount};
use timestone_client::{Client, names};

use super::Workflows;
use crate::WorkflowReader;

/// Every node that has not ended, with why.
pub(super) async fn explain(
    workflows: &Workflows,
    state: &State,
    timestone: &Client,
) -> Result<Vec<wire::WaitingNode>, Error> {
    let header = &state.header;
    let graphs = &workflows.definitions.graphs;
    let Some(activation) = graphs.get(&header.definition, header.version) else {
        return Ok(match state.phase.is_final() {
            true => Vec::new(),
            false => unknown(header),
        });
    };
    let asking = Asking {
        plan: activation.plan(),
        state,
        timestone,
        reader: &workflows.reader,
    };
    let mut nodes = Vec::new();
    for (id, reasons) in plato::explain(activation.plan(), state) {
        nodes.push(asking.node(id, reasons).await?);
    }
    Ok(nodes)
}

pub(super) fn unavailable(error: impl Display) -> Error {
    Error::platform("UNAVAILABLE", error.to_string()).hint("try again")
}

/// Nobody here can run it.
pub(super) fn unknown(header: &Header) -> Vec<wire::WaitingNode> {
    let text = format!(
        "no process here knows {} v{}; run one that does",
        header.definition, header.version
    );
    vec![wire::WaitingNode {
        reasons: vec![reason("UNKNOWN_DEFINITION", text)],
        ..Default::default()
    }]
}

struct Asking<'a> {
    plan: &'a Plan,
    state: &'a State,
    timestone: &'a Client,
    reader: &'a WorkflowReader,
}

impl Asking<'_> {
    async fn node(&self, id: NodeId, reasons: Vec<Reason>) -> Result<wire::WaitingNode, Error> {
        let mut told = Vec::new();
        for why in reasons {
            told.push(self.reason(id, why).await?);
        }
        Ok(wire::WaitingNode {
            node: self.plan.node(id).name.clone(),
            reasons: told,
            ..Default::default()
        })
    }

    async fn reason(&self, id: NodeId, why: Reason) -> Result<wire::WaitingReason, Error> {
        Ok(match why {
            Reason::Out { tries, first } => self.out(id, tries, &first).await?,
            Reason::Nodes(nodes) => reason("NODES", format!("waits for {}", self.names(&nodes))),
            Reason::Deciding => reason("DECIDING", "its condition is being decided"),
            Reason::Paused(why) if why.is_empty() => reason("PAUSED", "the workflow is paused"),
            Reason::Paused(why) => reason("PAUSED", format!("the workflow is paused: {why}")),
            Reason::Signal => reason("SIGNAL", "waits to be signaled"),
            Reason::Timer(at_ms) => at(at_ms, reason("TIMER", "waits for its time")),
            Reason::Retries { tasks, next_ms } => {
                let text = format!("{} to be tried again", self.wait(id, tasks));
                at(next_ms, of(tasks, reason("RETRY", text)))
            }
            Reason::Tasks(tasks) => {
                let text = format!("{} to be handed out", self.wait(id, tasks));
                of(tasks, reason("TASKS", text))
            }
            Reason::Sealing => reason("SEALING", "its results are put into a list"),
            Reason::Undoing => reason("UNDOING", "waits until what ended later is undone"),
            Reason::Stopping(tries) => of(
                tries,
                reason("STOPPING", "what runs has yet to hear that it must stop"),
            ),
        })
    }

    /// "3 tasks of up to 100 elements wait"
    fn wait(&self, id: NodeId, tasks: u64) -> String {
        let batch = self.plan.node(id).batch;
        let given = batch.map(|batch| format!(" of up to {batch} elements"));
        let given = given.unwrap_or_default();
        match tasks {
            1 => format!("1 task{given} waits"),
            _ => format!("{tasks} tasks{given} wait"),
        }
    }

    fn names(&self, nodes: &[NodeId]) -> String {
        let names: Vec<_> = nodes
            .iter()
            .map(|node| &*self.plan.node(*node).name)
            .collect();
        names.join(", ")
    }

    async fn out(
        &self,
        id: NodeId,
        tries: u64,
        first: &[(u64, u32)],
    ) -> Result<wire::WaitingReason, Error> {
        let node = self.plan.node(id);
        let queue = match &node.run {
            Run::Service { service, .. } => {
                let text = format!("{tries} requests of {service} are out");
                return Ok(of(tries, reason("OUT", text)));
            }
            Run::Workflow { .. } => return self.children(id, tries, first).await,
            Run::Function(function) => names::function(function),
            Run::Inline | Run::Signal | Run::Timer(_) => String::new(),
        };
        let mut views = Vec::new();
        for (element, generation) in first {
            let task = TaskRef {
                node: id,
                element: *element,
                generation: *generation,
            };
            let key = MessageKey {
                queue: queue.clone(),
                id: task.invocation(&self.state.id, &node.name),
            };
            views.extend(self.timestone.get(&key).await.map_err(unavailable)?);
        }
        let counts = self.timestone.count(std::slice::from_ref(&queue)).await;
        let counts = counts.map_err(unavailable)?;
        let text = words(tries, &views, counts.first());
        Ok(wire::WaitingReason {
            queue,
            ..of(tries, reason("OUT", text))
        })
    }

    /// "waits for 3 workflows: 0192… (running), 0193… (not begun), and others"
    async fn children(
        &self,
        id: NodeId,
        tries: u64,
        first: &[(u64, u32)],
    ) -> Result<wire::WaitingReason, Error> {
        let mut told = Vec::new();
        for child in children(self.plan, self.state, id).take(first.len()) {
            let state = self.reader.state(&child).await.map_err(unavailable)?;
            let standing = state.map_or("not begun", |state| standing(&state));
            told.push(format!("{child} ({standing})"));
        }
        let others = if tries > told.len() as u64 {
            ", and others"
        } else {
            ""
        };
        let workflows = if tries == 1 { "workflow" } else { "workflows" };
        let text = format!("waits for {tries} {workflows}: {}{others}", told.join(", "));
        Ok(of(tries, reason("OUT", text)))
    }
}

fn standing(state: &State) -> &'static str {
    match state.phase {
        Phase::Running if state.paused.is_some() => "paused",
        Phase::Running => "running",
        Phase::Failing | Phase::Canceling => "stopping",
        Phase::Succeeded => "succeeded",
        Phase::Failed => "failed",
        Phase::Canceled => "canceled",
    }
}

/// The workflows that a node has started and waits for.
pub(super) fn children(plan: &Plan, state: &State, node: NodeId) -> impl Iterator<Item = String> {
    let starts = matches!(plan.node(node).run, Run::Workflow { .. });
    let out = starts.then(|| state.nodes[node.index()].out());
    out.into_iter().flatten().map(move |(element, generation)| {
        let task = TaskRef {
            node,
            element,
            generation,
        };
        task.invocation(&state.id, &plan.node(node).name)
    })
}

/// "3 tries are out, 2 of the first 3 run; 14 wait and 2 run in its queue"
fn words(tries: u64, first: &[MessageView], count: Option<&QueueCount>) -> String {
    let running = first
        .iter()
        .filter(|view| view.state == MessageState::Running);
    let workers: Vec<_> = running.filter_map(|view| view.owner.as_deref()).collect();
    let out = match (tries, workers.first()) {
        (1, Some(worker)) => format!("1 try is out, run by {worker}"),
        (1, None) => "1 try is out and waits for a worker".to_owned(),
        (_, Some(_)) => format!(
            "{tries} tries are out, {} of the first {} run",
            workers.len(),
            first.len()
        ),
        (_, None) => format!("{tries} tries are out and wait for a worker"),
    };
    let queue = count.map(|count| {
        format!(
            "; {} wait and {} run in its queue",
            count.pending, count.running
        )
    });
    format!("{out}{}", queue.unwrap_or_default())
}

pub(super) fn reason(code: &str, text: impl Into<String>) -> wire::WaitingReason {
    wire::WaitingReason {
        code: code.to_owned(),
        text: text.into(),
        ..Default::default()
    }
}

pub(super) fn at(at_unix_ms: i64, reason: wire::WaitingReason) -> wire::WaitingReason {
    wire::WaitingReason {
        at_unix_ms,
        ..reason
    }
}

fn of(tasks: u64, reason: wire::WaitingReason) -> wire::WaitingReason {
    wire::WaitingReason { tasks, ..reason }
}
