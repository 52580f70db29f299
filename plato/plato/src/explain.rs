//! Why a workflow waits, node by node, from its plan and state alone.

use crate::definition::Run;
use crate::node::{Node, NodePhase};
use crate::plan::{NodeId, Plan};
use crate::state::{Phase, State};
use crate::task::TaskPhase;

/// What a node that has not ended waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nodes that have not ended.
    Nodes(Vec<NodeId>),
    /// It is being decided whether it is passed over.
    Deciding,
    /// Somebody paused the workflow.
    Paused(String),
    /// A signal by the node's name.
    Signal,
    /// Time, in Unix milliseconds.
    Timer(i64),
    /// Tries that are out; the first of them are named: (element, generation) each.
    Out { tries: u64, first: Vec<(u64, u32)> },
    /// So many tasks wait to be tried again, the next at this time, in Unix milliseconds.
    Retries { tasks: u64, next_ms: i64 },
    /// So many tasks wait for those before them, or are being prepared.
    Tasks(u64),
    /// The results of the map are being put into a list.
    Sealing,
    /// What ended later is undone first.
    Undoing,
    /// What runs was told to stop; so many tries have not been yet.
    Stopping(u64),
}

/// Tries that [`Reason::Out`] names.
const NAMED: usize = 8;

/// Every node that has not ended, with what it waits for.
pub fn explain(plan: &Plan, state: &State) -> Vec<(NodeId, Vec<Reason>)> {
    let nodes = plan.ids().zip(&state.nodes);
    let explained = nodes.map(|(id, node)| (id, reasons(plan, state, id, node)));
    explained
        .filter(|(_, reasons)| !reasons.is_empty())
        .collect()
}

fn reasons(plan: &Plan, state: &State, id: NodeId, node: &Node) -> Vec<Reason> {
    let of = plan.source(id).map(|of| state.nodes[of.index()].phase);
    match (state.phase, node.phase) {
        (Phase::Running, _) if plan.is_undo(id) => Vec::new(),
        (Phase::Failing | Phase::Canceling, NodePhase::Running) if plan.is_undo(id) => {
            running(plan, state, id, node)
        }
        (Phase::Failing | Phase::Canceling, NodePhase::Waiting)
            if plan.is_undo(id) && of == Some(NodePhase::Succeeded) =>
        {
            vec![Reason::Undoing]
        }
        (Phase::Running, NodePhase::Waiting) => vec![waiting(plan, state, id)],
        (Phase::Running, NodePhase::Running) => running(plan, state, id, node),
        (Phase::Failing | Phase::Canceling, _) if node.running() > 0 => {
            vec![Reason::Stopping(node.running())]
        }
        _ => Vec::new(),
    }
}

fn waiting(plan: &Plan, state: &State, id: NodeId) -> Reason {
    match (unfinished(plan, state, id), &state.paused) {
        (nodes, Some(why)) if nodes.is_empty() => Reason::Paused(why.clone()),
        (nodes, None) if nodes.is_empty() => Reason::Deciding,
        (nodes, _) => Reason::Nodes(nodes),
    }
}

fn unfinished(plan: &Plan, state: &State, id: NodeId) -> Vec<NodeId> {
    let before = plan.dependencies(id).iter().copied();
    before
        .filter(|node| !state.nodes[node.index()].phase.lets_pass())
        .collect()
}

fn running(plan: &Plan, state: &State, id: NodeId, node: &Node) -> Vec<Reason> {
    let definition = plan.node(id);
    let mut reasons: Vec<_> = node
        .fires_ms(definition)
        .map(Reason::Timer)
        .into_iter()
        .collect();
    if definition.run == Run::Signal {
        reasons.push(Reason::Signal);
    }
    if definition.run.waits() {
        return reasons;
    }
    reasons.extend(out(node));
    reasons.extend(state.paused.clone().map(Reason::Paused));
    reasons.extend(retries(node));
    reasons.extend(rest(node));
    if plan.is_map(id) && node.is_complete() {
        reasons.push(Reason::Sealing);
    }
    reasons
}

fn out(node: &Node) -> Option<Reason> {
    let first: Vec<_> = node.out().take(NAMED).collect();
    (!first.is_empty()).then(|| Reason::Out {
        tries: node.running(),
        first,
    })
}

fn retries(node: &Node) -> Option<Reason> {
    let due = node.active.values().filter_map(|task| match task.phase {
        TaskPhase::Backoff(due) => Some(due),
        TaskPhase::Out(_) => None,
    });
    let next_ms = due.clone().min()?;
    let tasks = due.count() as u64;
    Some(Reason::Retries { tasks, next_ms })
}

fn rest(node: &Node) -> Option<Reason> {
    let begun = node.done.len() + node.lost() + node.active.len() as u64;
    let left = node.total.saturating_sub(begun);
    (left > 0).then_some(Reason::Tasks(left))
}
