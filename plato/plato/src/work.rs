//! What a workflow wants done next, from its state and what is being done already.

use crate::definition::Speculate;
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
        let asks = workflow.plan.node(id).skip_if.is_some();
        if asks && workflow.is_ready(id) {
            work.extend(decide(id, &mut workflow.doing[id.index()]));
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
            NodePhase::Running => {
                let speculate = workflow.plan.node(id).speculate;
                let mut tasks = run(node, doing, workflow.window, now_ms);
                tasks.extend(again(node, doing, speculate, now_ms));
                work.extend(chunked(id, &tasks, workflow.plan.batch(id)));
            }
            _ => {}
        }
    }
    work
}

fn decide(node: NodeId, doing: &mut Doing) -> Option<Work> {
    let handed_out = std::mem::replace(&mut doing.deciding, true);
    (!handed_out).then_some(Work::Decide { node })
}

fn seal(node: NodeId, doing: &mut Doing) -> Option<Work> {
    let handed_out = std::mem::replace(&mut doing.sealing, true);
    (!handed_out).then_some(Work::Seal { node })
}

fn run(node: &Node, doing: &mut Doing, window: usize, now_ms: i64) -> Vec<(u64, u32)> {
    let mut tasks = retries(node, doing, now_ms);
    doing.tasks.extend(tasks.iter().copied());
    let handed_out = doing
        .tasks
        .keys()
        .filter(|element| !node.active.contains_key(element));
    let room = window.saturating_sub(node.active.len() + handed_out.count());
    tasks.extend((0..room).map_while(|_| next_new(node, doing)));
    tasks
}

fn chunked(id: NodeId, tasks: &[(u64, u32)], batch: u64) -> Vec<Work> {
    let batch = usize::try_from(batch).unwrap_or(usize::MAX);
    let chunks = tasks.chunks((MAX_PREPARED / batch).max(1));
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
        let is_known = node.active.contains_key(&element) || node.lost.contains(element);
        if !is_known && !doing.tasks.contains_key(&element) {
            doing.tasks.insert(element, node.first_generation);
            return Some((element, node.first_generation));
        }
    }
}

/// The tasks that have become slow, with the generation of their second try.
fn again(
    node: &Node,
    doing: &mut Doing,
    speculate: Option<Speculate>,
    now_ms: i64,
) -> Vec<(u64, u32)> {
    let slow = slow_after(node, speculate);
    let slow = slow.map_or_else(Vec::new, |ms| {
        let since_ms = now_ms.saturating_sub_unsigned(ms);
        let tasks = single(node, doing).filter(|(_, since, _)| *since <= since_ms);
        tasks.map(|(element, _, next)| (element, next)).collect()
    });
    doing.tasks.extend(slow.iter().copied());
    slow
}

/// After how many milliseconds a task is slow, once that can be said: when all others
/// are done or out as well.
fn slow_after(node: &Node, speculate: Option<Speculate>) -> Option<u64> {
    let Speculate {
        quantile,
        factor,
        min_ms,
    } = speculate?;
    let ended = node.done.len() + node.lost.len();
    let is_late = node.done.len() * 100 >= u64::from(quantile) * node.total;
    if !is_late || ended + node.active.len() as u64 != node.total {
        return None;
    }
    let usual = node.durations.quantile(quantile)?;
    Some((usual.saturating_mul(factor.into()) / 100).max(min_ms))
}

/// Tasks of which one try is out, since when, and the generation of the next.
fn single(node: &Node, doing: &Doing) -> impl Iterator<Item = (u64, i64, u32)> {
    node.active.iter().filter_map(|(element, task)| {
        let TaskPhase::Out(since) = task.phase else {
            return None;
        };
        let is_single = task.twin.is_none() && !doing.tasks.contains_key(element);
        is_single.then_some((*element, since, task.next_generation()))
    })
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
    let slow = slow_after(node, definition.speculate).filter(|_| !is_paused);
    let slow = slow.and_then(|ms| {
        let since = single(node, doing).map(|(_, since, _)| since).min()?;
        Some(since.saturating_add_unsigned(ms))
    });
    tasks
        .chain(slow)
        .chain(node.ends_ms(definition))
        .chain(node.fires_ms(definition))
        .min()
}
