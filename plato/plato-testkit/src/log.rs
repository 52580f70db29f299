//! A history as lines that people read and tests compare.

use plato::{Entry, Event, NodeId, Plan};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Since the first of them, in milliseconds.
    pub at_ms: i64,
    /// "work\[2\] try 1 succeeded"
    pub text: String,
}

/// What happened, in order. Tasks of a node that is no map have no number.
pub fn lines(plan: &Plan, history: &[Entry]) -> Vec<Line> {
    let begin_ms = history.first().map_or(0, |first| first.at_ms);
    let entries = history.iter();
    let lines = entries.flat_map(|entry| {
        let texts = entry.events.iter().flat_map(|event| texts(plan, event));
        texts.map(|text| Line {
            at_ms: entry.at_ms - begin_ms,
            text,
        })
    });
    lines.collect()
}

fn texts(plan: &Plan, event: &Event) -> Vec<String> {
    let name = |node: &NodeId| plan.node(*node).name.clone();
    match event {
        Event::Started(header) => {
            vec![format!("{} v{} started", header.definition, header.version)]
        }
        Event::NodeSkipped { node, reason } => {
            let why = reason.as_ref().map(|reason| format!(", as {reason}"));
            vec![format!("{} skipped{}", name(node), why.unwrap_or_default())]
        }
        Event::NodeStarted { node, tasks } if plan.is_map(*node) => {
            vec![format!("{} started: {tasks} tasks", name(node))]
        }
        Event::NodeStarted { node, .. } => vec![format!("{} started", name(node))],
        Event::TasksDispatched { node, tasks } => of_tasks(plan, *node, tasks, "dispatched"),
        Event::TasksStopped { node, tasks } => of_tasks(plan, *node, tasks, "stopped"),
        Event::TaskSucceeded {
            node,
            element,
            generation,
            ..
        } => of_tasks(plan, *node, &[(*element, *generation)], "succeeded"),
        Event::TaskFailed {
            node,
            element,
            generation,
            retry_at_ms,
            error,
            ..
        } => {
            let then = match retry_at_ms {
                Some(_) => format!("failed: {}, to be tried again", error.code),
                None => format!("failed for good: {}", error.code),
            };
            of_tasks(plan, *node, &[(*element, *generation)], &then)
        }
        Event::NodeSucceeded { node, .. } => vec![format!("{} succeeded", name(node))],
        Event::NodeFailed { node } => vec![format!("{} failed", name(node))],
        Event::Signaled { node, .. } => vec![format!("{} signaled", name(node))],
        Event::Paused { reason } => vec![format!("paused: {reason}")],
        Event::Resumed => vec!["resumed".into()],
        Event::Retried => vec!["retried".into()],
        Event::RetriedFrom { node, .. } => vec![format!("retried from {}", name(node))],
        Event::Failing { error } => vec![format!("failing: {}", error.code)],
        Event::Canceling { reason } => vec![format!("canceling: {reason}")],
        Event::Ended { end } => vec![format!("ended: {end:?}").to_lowercase()],
    }
}

fn of_tasks(plan: &Plan, node: NodeId, tasks: &[(u64, u32)], what: &str) -> Vec<String> {
    let name = &plan.node(node).name;
    let text = |(element, generation): &(u64, u32)| {
        let attempt = u64::from(*generation) + 1;
        match plan.is_map(node) {
            true => format!("{name}[{element}] try {attempt} {what}"),
            false => format!("{name} try {attempt} {what}"),
        }
    };
    tasks.iter().map(text).collect()
}

/// The first line that is not as expected, if there is one.
pub(crate) fn differs(log: &[Line], expected: &[&str]) -> Option<String> {
    let found: Vec<&str> = log.iter().map(|line| line.text.as_str()).collect();
    if found == expected {
        return None;
    }
    let place = found.iter().zip(expected).take_while(|(a, b)| a == b);
    let place = place.count();
    let at = |lines: &[&str]| lines.get(place).map_or("nothing", |line| line).to_owned();
    let (wanted, found) = (at(expected), at(&found));
    let line = place + 1;
    Some(format!("line {line} is `{found}`, not `{wanted}`"))
}

/// The first of these lines that does not come after those before it, if there is one.
pub(crate) fn disordered(log: &[Line], expected: &[&str]) -> Option<String> {
    let mut found = log.iter().map(|line| line.text.as_str());
    let missing = expected
        .iter()
        .find(|wanted| !found.any(|text| text == **wanted))?;
    Some(format!("`{missing}` does not come where it should"))
}

/// A line each, with its time.
pub(crate) fn shown(log: &[Line]) -> String {
    let lines = log
        .iter()
        .map(|line| format!("{:>12} ms  {}", line.at_ms, line.text));
    lines.collect::<Vec<_>>().join("\n")
}
