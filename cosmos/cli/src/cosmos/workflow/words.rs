//! Workflows in words that stand in more than one place.

use std::collections::BTreeMap;

use errors::Error;
use proto::plato::v1::{
    ExplainedFiring, FiringState, NodeProgress, NodeState, Workflow, WorkflowHappening,
    WorkflowState, fact_value,
};
use serde_json::Value;

use crate::explain::one_line;
use crate::table::Tone;

/// "running"
pub(super) fn state(workflow: &Workflow) -> &'static str {
    match workflow.state.as_known() {
        Some(WorkflowState::Running) => "running",
        Some(WorkflowState::Succeeded) => "succeeded",
        Some(WorkflowState::Failed) => "failed",
        Some(WorkflowState::Canceled) => "canceled",
        Some(WorkflowState::Unspecified) | None => "unknown",
    }
}

pub(super) fn tone(workflow: &Workflow) -> Tone {
    match workflow.state.as_known() {
        Some(WorkflowState::Running) => Tone::Notable,
        Some(WorkflowState::Succeeded) => Tone::Good,
        Some(WorkflowState::Failed) => Tone::Bad,
        Some(WorkflowState::Canceled) => Tone::Faint,
        Some(WorkflowState::Unspecified) | None => Tone::Plain,
    }
}

/// "running, paused: look first"
pub(super) fn standing(workflow: &Workflow) -> String {
    let paused = match (workflow.is_paused, workflow.paused.as_str()) {
        (false, _) => String::new(),
        (true, "") => ", paused".to_owned(),
        (true, why) => format!(", paused: {}", one_line(why)),
    };
    let stopping = if workflow.stopping { ", stopping" } else { "" };
    let halted = if workflow.rules.is_halted {
        ", halted"
    } else {
        ""
    };
    format!("{}{stopping}{halted}{paused}", state(workflow))
}

/// Whether nothing will happen any more.
pub(super) fn has_ended(workflow: &Workflow) -> bool {
    !matches!(workflow.state.as_known(), Some(WorkflowState::Running))
}

pub(super) fn node_state(node: &NodeProgress) -> &'static str {
    match node.state.as_known() {
        Some(NodeState::Waiting) => "waiting",
        Some(NodeState::Running) => "running",
        Some(NodeState::Succeeded) => "succeeded",
        Some(NodeState::Failed) => "failed",
        Some(NodeState::Skipped) => "skipped",
        Some(NodeState::Canceled) => "canceled",
        Some(NodeState::Unspecified) | None => "unknown",
    }
}

pub(super) fn node_tone(node: &NodeProgress) -> Tone {
    match node.state.as_known() {
        Some(NodeState::Running) => Tone::Notable,
        Some(NodeState::Succeeded) => Tone::Good,
        Some(NodeState::Failed) => Tone::Bad,
        Some(NodeState::Skipped | NodeState::Canceled) => Tone::Faint,
        _ => Tone::Plain,
    }
}

/// "3/4": how many of its nodes are through; of rules, "5 facts, 2 fired".
pub(super) fn progress(workflow: &Workflow) -> String {
    if let Some(rules) = workflow.rules.as_option() {
        let facts = crate::units::count(rules.facts, "fact");
        return format!("{facts}, {} fired", rules.fired);
    }
    let is_through = |node: &&NodeProgress| {
        let state = node.state.as_known();
        matches!(state, Some(NodeState::Succeeded | NodeState::Skipped))
    };
    let through = workflow.nodes.iter().filter(is_through).count();
    format!("{through}/{}", workflow.nodes.len())
}

/// "owner=ana, title=heron"
pub(super) fn attributes(workflow: &Workflow) -> String {
    let mut pairs: Vec<_> = workflow.attributes.iter().collect();
    pairs.sort_unstable();
    let pairs = pairs
        .into_iter()
        .map(|(name, value)| one_line(&format!("{name}={value}")));
    pairs.collect::<Vec<_>>().join(", ")
}

/// The functions that a workflow is pinned to versions of: "ves-avc, version 3f9c02d1a8e4".
pub(super) fn functions(workflow: &Workflow) -> impl Iterator<Item = String> {
    let pins: BTreeMap<_, _> = workflow.function_digests.iter().collect();
    pins.into_iter().map(|(name, digest)| {
        let digits = digest.strip_prefix("sha256/").unwrap_or(digest);
        let short = digits.get(..12).unwrap_or(digits);
        one_line(&format!("{name}, version {short}"))
    })
}

/// What a workflow put out, where that is text.
pub(super) fn output(workflow: &Workflow) -> Option<String> {
    let output = workflow.output.as_option()?;
    let text = String::from_utf8(output.inline.clone()).ok()?;
    (!text.is_empty()).then_some(text)
}

pub(super) fn firing_state(firing: &ExplainedFiring) -> &'static str {
    match firing.state.as_known() {
        Some(FiringState::Running) => "its run is out",
        Some(FiringState::Retrying) => "its run waits to be tried again",
        Some(FiringState::Done) => "done",
        Some(FiringState::Failed) => "failed",
        Some(FiringState::Unspecified) | None => "unknown",
    }
}

/// The value of a field of a fact.
pub(super) fn fact_value(value: &fact_value::Value) -> Value {
    use fact_value::Value as Wire;
    match value {
        Wire::Bool(value) => Value::from(*value),
        Wire::Int(value) => Value::from(*value),
        Wire::Uint(value) => Value::from(*value),
        Wire::String(value) => Value::from(value.as_str()),
        Wire::Bytes(value) => plato_rules::Value::Bytes(value.as_slice().into()).to_json(),
        Wire::TimestampUnixMs(value) => plato_rules::Value::Timestamp(*value).to_json(),
    }
}

/// Why it failed.
pub(super) fn error(workflow: &Workflow) -> Option<Error> {
    workflow.error.as_option().cloned().map(Error::from)
}

/// What an event says besides its name and node.
pub(super) fn about(happening: &WorkflowHappening) -> String {
    let event: Value = serde_json::from_str(&happening.json).unwrap_or_default();
    let text = match happening.event.as_str() {
        "started" => format!("{} v{}", text(&event["definition"]), event["version"]),
        "node_started" => tasks(event["tasks"].as_u64().unwrap_or(0)),
        "tasks_dispatched" | "tasks_stopped" => tasks(length(&event["tasks"])),
        "task_succeeded" => of_try(&event),
        "task_failed" => failed(&event),
        "failing" | "halted" => error_of(&event["error"]),
        "paused" | "canceling" | "canceled" | "node_skipped" => text(&event["reason"]),
        "ended" => text(&event["end"]),
        "asserted" => format!("f{}: {}", event["fact"], text(&event["kind"])),
        "updated" | "retracted" | "confirmed" => format!("f{}", event["fact"]),
        "fired" | "succeeded" | "ceased" | "tried_again" => of_firing(&event),
        "failed" | "retrying" => format!("{}: {}", of_firing(&event), error_of(&event["error"])),
        "moved" => format!("v{}", event["version"]),
        _ => String::new(),
    };
    one_line(&text)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn length(value: &Value) -> u64 {
    value.as_array().map_or(0, Vec::len) as u64
}

fn tasks(count: u64) -> String {
    match count {
        1 => "1 task".to_owned(),
        _ => format!("{count} tasks"),
    }
}

fn of_try(event: &Value) -> String {
    let tries = event["generation"].as_u64().unwrap_or(0) + 1;
    format!("task {}, try {tries}", event["element"])
}

fn of_firing(event: &Value) -> String {
    format!("firing {}", event["firing"])
}

fn failed(event: &Value) -> String {
    let last = match event["retry_at_ms"].is_null() {
        true => "for good; ",
        false => "",
    };
    format!("{}: {last}{}", of_try(event), error_of(&event["error"]))
}

fn error_of(error: &Value) -> String {
    format!("{} [{}]", text(&error["message"]), text(&error["code"]))
}
