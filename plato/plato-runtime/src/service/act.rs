//! What is done to a workflow: a message to its owner, then a look until it was done.

use std::time::Duration;

use errors::Error;
use plato::limits::MAX_WORKFLOW_RETRIES;
use plato::{Phase, Run, State, Value};
use proto::base::v1::{self as base, Envelope};
use proto::plato::v1 as wire;
use timestone::NewMessage;
use timestone_client::{Client, envelope, names};

use super::again;
use super::tell::{enqueue, nobody_did};
use super::{Workflows, not_found};
use crate::Standing;
use crate::incoming::Signal;

/// How long the owner may take before the caller hears that it was only asked.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks.
pub(super) const LOOK: Duration = Duration::from_millis(20);

/// Something to be done.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Cancel(String),
    Pause(String),
    Resume,
    /// What failed; or the node of this name, and what follows it.
    Retry(Option<String>),
    Signal {
        node: String,
        value: Box<base::Value>,
    },
}

impl Act {
    /// Has it done; the state that shows it.
    pub(super) async fn carry_out(
        self,
        timestone: &Client,
        workflows: &Workflows,
        before: Standing,
    ) -> Result<Standing, Error> {
        self.check(workflows, &before)?;
        if self.is_done(&before) {
            return Ok(before);
        }
        self.send(timestone, workflows, before.id()).await?;
        let done = tokio::time::timeout(PATIENCE, self.wait(workflows, &before)).await;
        done.unwrap_or_else(|_| Err(nobody_did(before.id())))
    }

    async fn wait(&self, workflows: &Workflows, before: &Standing) -> Result<Standing, Error> {
        loop {
            let read = workflows.reader.standing(before.id()).await;
            let read = read.map_err(|error| Error::platform("UNAVAILABLE", error.to_string()))?;
            let now = read.ok_or_else(|| not_found(before.id()))?;
            let has_ended = now.phase().is_final() && !before.phase().is_final();
            if self.is_done(&now) || has_ended || retries(&now) > retries(before) {
                return Ok(now);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Refuses what means nothing to a workflow in this state.
    fn check(&self, workflows: &Workflows, standing: &Standing) -> Result<(), Error> {
        match (self, standing) {
            (Self::Cancel(_) | Self::Pause(_) | Self::Resume, _) => Ok(()),
            (Self::Retry(from), Standing::Graph(state)) => match from {
                Some(from) => again::check(workflows, state, from),
                None => check_retry(workflows, state),
            },
            (Self::Signal { node, value }, Standing::Graph(state)) => {
                check_signal(workflows, state, node, value)
            }
            (Self::Retry(_) | Self::Signal { .. }, Standing::Rules(state)) => {
                Err(not_for_rules(&state.id))
            }
        }?;
        let ended =
            standing.phase().is_final() && !matches!(self, Self::Retry(_) | Self::Cancel(_));
        match ended {
            true => Err(has_ended(standing)),
            false => Ok(()),
        }
    }

    fn is_done(&self, standing: &Standing) -> bool {
        match standing {
            Standing::Graph(state) => self.is_done_to(state),
            Standing::Rules(state) => match self {
                Self::Cancel(_) => standing.phase().is_final(),
                Self::Pause(_) => state.paused.is_some(),
                Self::Resume => state.may_fire(),
                Self::Retry(_) | Self::Signal { .. } => true,
            },
        }
    }

    fn is_done_to(&self, state: &State) -> bool {
        match self {
            Self::Cancel(_) => state.phase.is_final() || state.phase == Phase::Canceling,
            Self::Pause(_) => state.paused.is_some(),
            Self::Resume => state.paused.is_none(),
            Self::Retry(_) => !state.phase.is_final(),
            Self::Signal { node, .. } => is_signaled(state, node),
        }
    }

    async fn send(&self, timestone: &Client, workflows: &Workflows, id: &str) -> Result<(), Error> {
        let reader = &workflows.reader;
        let message = NewMessage {
            queue: names::inbox_of_workflow(&reader.service, id, reader.groups),
            id: match self {
                // A cancel has an id of its own: it may come before the start.
                Self::Cancel(_) => names::cancel_id(id),
                _ => format!("{id}/{}", ids::time_ordered()),
            },
            payload: envelope::to_payload(&self.sealed(id)),
            ..NewMessage::default()
        };
        enqueue(timestone, message).await
    }

    fn sealed(&self, id: &str) -> Envelope {
        let workflow_id = id.to_owned();
        match self.clone() {
            Self::Cancel(reason) => envelope::seal(&wire::CancelWorkflow {
                workflow_id,
                reason,
                ..Default::default()
            }),
            Self::Pause(reason) => envelope::seal(&wire::PauseWorkflow {
                workflow_id,
                reason,
                ..Default::default()
            }),
            Self::Resume => envelope::seal(&wire::ResumeWorkflow {
                workflow_id,
                ..Default::default()
            }),
            Self::Retry(node) => envelope::seal(&wire::RetryWorkflow {
                workflow_id,
                node,
                ..Default::default()
            }),
            Self::Signal { node, value } => envelope::seal(&wire::SignalWorkflow {
                workflow_id,
                node,
                value: Some(*value).into(),
                ..Default::default()
            }),
        }
    }
}

fn is_signaled(state: &State, node: &str) -> bool {
    let index = state.header.nodes.iter().position(|name| name == node);
    let node = index.and_then(|index| state.nodes.get(index));
    node.is_some_and(|node| node.is_signaled() || node.phase().is_final())
}

fn check_retry(workflows: &Workflows, state: &State) -> Result<(), Error> {
    let header = &state.header;
    let graphs = &workflows.definitions.graphs;
    let known = graphs.get(&header.definition, header.version);
    let refused =
        |code, message: &str| Error::user(code, format!("workflow {} {message}", state.id));
    match state.phase {
        Phase::Succeeded => Err(refused("WORKFLOW_NOT_FAILED", "has not failed").hint(
            "only what failed is tried again; name a node to run it again with what follows it, \
             or start another",
        )),
        Phase::Canceled => Err(refused("WORKFLOW_NOT_FAILED", "has not failed")
            .hint("only what failed is tried again; start another to do it anew")),
        Phase::Failed if known.is_none() || header.version == 0 => Err(refused(
            "UNKNOWN_DEFINITION",
            "has a definition that is not known here",
        )
        .hint("run a version of the service that knows it")),
        // Its definition was not known then, whether or not it is now.
        Phase::Failed if state.nodes.is_empty() => {
            Err(refused("WORKFLOW_NEVER_BEGAN", "was refused at its start").hint("start another"))
        }
        Phase::Failed if state.retries >= MAX_WORKFLOW_RETRIES => {
            Err(refused("RETRIES_USED_UP", "has gone on as often as it may").hint("start another"))
        }
        Phase::Failed if known.is_some_and(|known| known.plan().is_undone(state)) => {
            Err(refused("WORKFLOW_UNDONE", "has undone what it did").hint("start another"))
        }
        _ => Ok(()),
    }
}

fn check_signal(
    workflows: &Workflows,
    state: &State,
    node: &str,
    value: &base::Value,
) -> Result<(), Error> {
    let value = Value::try_from(value.clone())
        .map_err(|problem| Error::user("MALFORMED_VALUE", problem.to_string()).at("value"))?;
    Signal {
        workflow: state.id.clone(),
        node: node.to_owned(),
        value,
    }
    .check()?;
    let header = &state.header;
    let graphs = &workflows.definitions.graphs;
    let Some(activation) = graphs.get(&header.definition, header.version) else {
        return Ok(());
    };
    let plan = activation.plan();
    let waits = |id: &plato::NodeId| plan.node(*id).run == Run::Signal;
    match plan.find(node).filter(waits) {
        Some(_) => Ok(()),
        None => {
            let waiting: Vec<_> = plan
                .ids()
                .filter(waits)
                .map(|id| &*plan.node(id).name)
                .collect();
            Err(no_signal(node, &waiting))
        }
    }
}

fn no_signal(node: &str, waiting: &[&str]) -> Error {
    let message = format!("no node `{}` waits for a signal", node.escape_debug());
    let hint = match waiting.is_empty() {
        true => "none of this workflow does".to_owned(),
        false => format!("these do: {}", waiting.join(", ")),
    };
    Error::user("SIGNAL_NOT_FOUND", message)
        .at("node")
        .hint(hint)
}

fn retries(standing: &Standing) -> u32 {
    match standing {
        Standing::Graph(state) => state.retries,
        Standing::Rules(_) => 0,
    }
}

fn not_for_rules(id: &str) -> Error {
    let message = format!("workflow {id} is one of rules: it has no nodes, and does not fail");
    Error::user("WORKFLOW_OF_RULES", message).hint("assert facts; halted rules are resumed")
}

fn has_ended(standing: &Standing) -> Error {
    let message = format!("workflow {} has ended", standing.id());
    let error = Error::user("WORKFLOW_ENDED", message);
    match standing.phase() {
        Phase::Failed => error.hint("retry it to have it go on"),
        _ => error,
    }
}
