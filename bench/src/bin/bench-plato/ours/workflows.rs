//! The workflows that are measured, and what their nodes ask for.

use errors::Error;
use plato::{
    Definition, InvalidDefinition, NodeCode, NodeDef, Registry, TaskContext, invoke, json,
};
use proto::stratum::v1::Invocation;

use crate::engine::STEPS;

/// Steps one after the other.
pub const TEN: &str = "bench.ten";
/// A list, a map over it, and a reduce.
pub const FAN_OUT: &str = "bench.fan-out";
/// One step that nobody works on until a worker is told to.
pub const IDLE: &str = "bench.idle";

/// Answers with its number.
pub const STEP: &str = "bench-step";
/// Answers with a list of as many numbers as it is asked for.
pub const SPLIT: &str = "bench-split";
/// Answers with how many results it was given.
pub const JOIN: &str = "bench-join";
/// As [`STEP`].
pub const IDLE_FUNCTION: &str = "bench-idle";

pub fn registry() -> Result<Registry, InvalidDefinition> {
    let mut registry = Registry::new();
    ten(&mut registry)?;
    fan_out(&mut registry)?;
    idle(&mut registry)?;
    Ok(registry)
}

fn ten(registry: &mut Registry) -> Result<(), InvalidDefinition> {
    let name = |step| format!("s{step}");
    let node = |step: usize| {
        let before = step.checked_sub(1).map(name);
        NodeDef::function(name(step), STEP).after(before)
    };
    let code = (0..STEPS).map(|step| {
        let code = move |_: &TaskContext| invoke::with_params(&step);
        (name(step), NodeCode::function(code))
    });
    registry.register(
        definition(TEN, (0..STEPS).map(node).collect()),
        code.collect::<Vec<_>>(),
    )
}

fn fan_out(registry: &mut Registry) -> Result<(), InvalidDefinition> {
    let nodes = vec![
        NodeDef::function("split", SPLIT),
        NodeDef::function("leaf", STEP).map_over("split"),
        NodeDef::function("join", JOIN).reduce_of("leaf"),
    ];
    let code = [
        ("split", NodeCode::function(split)),
        ("leaf", NodeCode::function(leaf)),
        ("join", NodeCode::function(join)),
    ];
    registry.register(definition(FAN_OUT, nodes), code)
}

fn split(task: &TaskContext) -> Result<Invocation, Error> {
    invoke::with_params(&json::parse::<u64>(task.input())?)
}

fn leaf(task: &TaskContext) -> Result<Invocation, Error> {
    Ok(Invocation {
        params_json: task.element()?.value.inline.to_vec(),
        ..Invocation::default()
    })
}

fn join(task: &TaskContext) -> Result<Invocation, Error> {
    invoke::with_params(&task.results()?.count)
}

fn idle(registry: &mut Registry) -> Result<(), InvalidDefinition> {
    let nodes = vec![NodeDef::function("wait", IDLE_FUNCTION)];
    let code = |_: &TaskContext| invoke::with_params(&0);
    registry.register(
        definition(IDLE, nodes),
        [("wait", NodeCode::function(code))],
    )
}

/// The last node's output is the workflow's.
fn definition(name: &str, nodes: Vec<NodeDef>) -> Definition {
    let last = nodes.last();
    Definition {
        name: name.into(),
        version: 1,
        output: last.map(|node| node.name.clone()).unwrap_or_default(),
        nodes,
    }
}
