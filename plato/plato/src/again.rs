//! A workflow that has ended, run again from a node on.

use crate::definition::Kind;
use crate::limits::MAX_WORKFLOW_RETRIES;
use crate::node::NodePhase;
use crate::plan::{NodeId, Plan};
use crate::state::{Phase, State};

/// Why a workflow cannot be run again from a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAgain {
    /// It was refused at its start.
    NeverBegan,
    /// It has not ended.
    Running,
    /// It was canceled.
    Canceled,
    /// It has gone on as often as it may.
    UsedUp,
    /// Its deadline has passed.
    TooLate,
    /// Another workflow waited for it, and has its result.
    Child,
    /// It has undone what it did.
    Undone,
    /// This node, which would be run again, is undone by another: what its first run did would
    /// be left.
    Undo(NodeId),
    /// This node was passed over, and whether by its own condition on the input is not known.
    Skipped(NodeId),
}

/// The nodes that begin anew when `state` is run again from node `from`: that one, all that
/// follow it, and those that undo others and were left out.
///
/// # Errors
/// When it cannot be run again.
pub fn from(
    plan: &Plan,
    state: &State,
    from: NodeId,
    now_ms: i64,
) -> Result<Vec<NodeId>, NotAgain> {
    may(plan, state, now_ms)?;
    let follows = |id: &NodeId| *id == from || plan.ancestors(*id).any(|before| before == from);
    let mut nodes = Vec::new();
    for id in plan.ids() {
        let phase = state.nodes[id.index()].phase();
        match (&plan.node(id).kind, follows(&id)) {
            (Kind::Undo { of }, true) => return Err(NotAgain::Undo(plan.find(of).unwrap_or(id))),
            (Kind::Undo { .. }, false) if phase == NodePhase::Skipped => nodes.push(id),
            (_, true) if !is_left_out(plan, state, id)? => nodes.push(id),
            _ => {}
        }
    }
    Ok(nodes)
}

fn may(plan: &Plan, state: &State, now_ms: i64) -> Result<(), NotAgain> {
    match state.phase {
        _ if state.nodes.len() != plan.ids().count() => Err(NotAgain::NeverBegan),
        Phase::Running | Phase::Failing | Phase::Canceling => Err(NotAgain::Running),
        Phase::Canceled => Err(NotAgain::Canceled),
        Phase::Failed | Phase::Succeeded if state.retries >= MAX_WORKFLOW_RETRIES => {
            Err(NotAgain::UsedUp)
        }
        _ if state.header.deadline_ms.is_some_and(|at| at <= now_ms) => Err(NotAgain::TooLate),
        _ if state.header.parent.is_some() => Err(NotAgain::Child),
        _ if plan.is_undone(state) => Err(NotAgain::Undone),
        _ => Ok(()),
    }
}

/// Whether the input has the node passed over, which it does in any run. One that was passed
/// over with the node that it works on may have been so for that alone.
fn is_left_out(plan: &Plan, state: &State, id: NodeId) -> Result<bool, NotAgain> {
    let node = &state.nodes[id.index()];
    let by_decision = node.skipped().is_some();
    if node.phase() != NodePhase::Skipped || by_decision || plan.node(id).skip_when.is_none() {
        return Ok(false);
    }
    let source = plan.source(id).map(|of| state.nodes[of.index()].phase());
    match source {
        Some(NodePhase::Skipped) => Err(NotAgain::Skipped(id)),
        _ => Ok(true),
    }
}
