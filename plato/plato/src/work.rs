//! What a workflow wants done next, from its state and what is being done already.

use crate::input::Work;
use crate::limits::MAX_PREPARED;
use crate::node::{Node, NodePhase};
use crate::plan::NodeId;
use crate::state::Phase;
use crate::task::TaskPhase;
use crate::workflow::{Doing, Workflow};

/// Hands out what can be done now, and remembers that it was handed out.
pub(crate) fn choose(workflow: &mut Workflow, now_ms: i64) -> Vec<Work> {
    let mut work = Vec::new();
    if workflow.is_held() {
        return work;
    }
    for id in workflow.plan.ids() {
        if !workflow.runs(id) {
            continue;
        }
        let is_map = workflow.plan.is_map(id);
        let (node, doing) = (
            &workflow.state.nodes[id.index()],
            &mut workflow.doing[id.index()],
        );
        match node.phase {
            NodePhase::Running if is_map && node.is_complete() => work.extend(seal(id, doing)),
            NodePhase::Running if workflow.plan.node(id).run.waits() => {}
            NodePhase::Running => work.extend(run(id, node, doing, workflow.window, now_ms)),
            _ => {}
        }
    }
    work
}

fn seal(node: NodeId, doing: &mut Doing) -> Option<Work> {
    let handed_out = std::mem::replace(&mut doing.sealing, true);
    (!handed_out).then_some(Work::Seal { node })
}

fn run(id: NodeId, node: &Node, doing: &mut Doing, window: usize, now_ms: i64) -> Vec<Work> {
    let mut tasks = retries(node, doing, now_ms);
    doing.tasks.extend(tasks.iter().copied());
    let handed_out = doing
        .tasks
        .keys()
        .filter(|element| !node.active.contains_key(element));
    let room = window.saturating_sub(node.active.len() + handed_out.count());
    tasks.extend((0..room).map_while(|_| next_new(node, doing)));
    let chunks = tasks.chunks(MAX_PREPARED);
    chunks
        .map(|tasks| Work::Run {
            node: id,
            tasks: tasks.to_vec(),
        })
        .collect()
}

/// The tasks whose time to be tried again has come.
fn retries(node: &Node, doing: &Doing, now_ms: i64) -> Vec<(u64, u32)> {
    let due = node.active.iter().filter(|(element, task)| {
        matches!(task.phase, TaskPhase::Backoff(due) if due <= now_ms)
            && !doing.tasks.contains_key(element)
    });
    due.map(|(element, task)| (*element, task.generation))
        .collect()
}

/// The next task that was never handed out.
fn next_new(node: &Node, doing: &mut Doing) -> Option<(u64, u32)> {
    loop {
        let element = node.done.next_gap(doing.cursor);
        if element >= node.total {
            return None;
        }
        doing.cursor = element + 1;
        if !node.active.contains_key(&element) && !doing.tasks.contains_key(&element) {
            doing.tasks.insert(element, node.first_generation);
            return Some((element, node.first_generation));
        }
    }
}

/// When something happens by itself.
pub(crate) fn due(workflow: &Workflow) -> Option<i64> {
    let is_running = workflow.state.phase == Phase::Running;
    let deadline_ms = workflow.state.header.deadline_ms.filter(|_| is_running);
    let ids = workflow.plan.ids().filter(|id| workflow.runs(*id));
    let nodes = ids.filter_map(|id| node_due(workflow, id));
    nodes.chain(deadline_ms).min()
}

fn node_due(workflow: &Workflow, id: NodeId) -> Option<i64> {
    let (node, doing) = (
        &workflow.state.nodes[id.index()],
        &workflow.doing[id.index()],
    );
    let definition = workflow.plan.node(id);
    let is_paused = workflow.is_held();
    let idle = node.active.iter().filter(|(element, task)| {
        let may_wait = is_paused && task.is_waiting();
        !may_wait && !doing.tasks.contains_key(element)
    });
    let tasks = idle.filter_map(|(_, task)| task.due(definition.timeout_ms));
    tasks
        .chain(node.ends_ms(definition))
        .chain(node.fires_ms(definition))
        .min()
}
