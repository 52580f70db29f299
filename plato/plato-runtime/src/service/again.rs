//! Why a workflow is not run again from a node.

use clock::{Clock, SystemClock};
use errors::Error;
use plato::{NotAgain, Plan, State};

use super::Workflows;

/// Refuses what cannot be run again from this node.
pub(super) fn check(workflows: &Workflows, state: &State, from: &str) -> Result<(), Error> {
    let header = &state.header;
    let graphs = &workflows.definitions.graphs;
    let known = graphs.get(&header.definition, header.version);
    let Some(activation) = known.filter(|_| header.version > 0) else {
        let message = format!(
            "workflow {} has a definition that is not known here",
            state.id
        );
        let error = Error::user("UNKNOWN_DEFINITION", message);
        return Err(error.hint("run a version of the service that knows it"));
    };
    let plan = activation.plan();
    let node = plan.find(from).ok_or_else(|| no_node(plan, from))?;
    let now_ms = SystemClock.now().unix_ms();
    match plato::again_from(plan, state, node, now_ms) {
        Ok(_) => Ok(()),
        Err(why) => Err(refused(plan, state, why)),
    }
}

fn no_node(plan: &Plan, name: &str) -> Error {
    let message = format!("there is no node `{}`", name.escape_debug());
    let nodes = plan.ids().map(|id| plan.node(id).name.as_str());
    let hint = format!("these are there: {}", nodes.collect::<Vec<_>>().join(", "));
    Error::user("NODE_NOT_FOUND", message).at("node").hint(hint)
}

fn refused(plan: &Plan, state: &State, why: NotAgain) -> Error {
    let id = &state.id;
    let (code, message, hint) = match why {
        NotAgain::NeverBegan => (
            "WORKFLOW_NEVER_BEGAN",
            format!("workflow {id} was refused at its start"),
            "start another",
        ),
        NotAgain::Running => (
            "WORKFLOW_RUNNING",
            format!("workflow {id} has not ended"),
            "wait until it has",
        ),
        NotAgain::Canceled => (
            "WORKFLOW_CANCELED",
            format!("workflow {id} was canceled"),
            "start another",
        ),
        NotAgain::UsedUp => (
            "RETRIES_USED_UP",
            format!("workflow {id} has gone on as often as it may"),
            "start another",
        ),
        NotAgain::TooLate => (
            "DEADLINE_EXCEEDED",
            format!("the deadline of workflow {id} has passed"),
            "start another with a later one",
        ),
        NotAgain::Child => (
            "WORKFLOW_BELOW",
            format!("workflow {id} was started by another, which has its result"),
            "retry that one from the node that started it",
        ),
        NotAgain::Undone => (
            "WORKFLOW_UNDONE",
            format!("workflow {id} has undone what it did"),
            "start another",
        ),
        NotAgain::Undo(node) => (
            "NODE_IS_UNDONE",
            format!(
                "node {} would be run again, and what it did the first time be undone no more",
                plan.node(node).name
            ),
            "name a node after it, or start another workflow",
        ),
        NotAgain::Skipped(node) => (
            "NODE_SKIPPED",
            format!(
                "node {} was passed over, by its condition or with what it works on",
                plan.node(node).name
            ),
            "name a node that it does not follow, or start another workflow",
        ),
    };
    Error::user(code, message).hint(hint)
}
