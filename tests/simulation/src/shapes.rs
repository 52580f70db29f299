//! Random definitions, each valid, and what the tasks of their nodes run.

use errors::Error;
use plato::{
    Allowed, Definition, Kind, NodeCode, NodeDef, Retry, Run, ServiceCall, Speculate, TaskContext,
    Value,
};
use proto::optimus::v1::CancelCall;
use proto::stratum::v1::Invocation;
use serde_json::json;

use crate::random::Random;

pub(crate) const FUNCTION: &str = "t-f";
pub(crate) const SERVICE: &str = "other";
const METHOD: &str = "Do";
/// What nodes start.
const CHILD: &str = "t.child";
/// Elements of a list, at most.
pub(crate) const MAX_ELEMENTS: u64 = 5;
const MAX_NODES: u64 = 6;

/// A definition of this name; its nodes wait for earlier ones only.
pub(crate) fn definition(name: &str, random: &Random) -> Definition {
    let mut nodes: Vec<NodeDef> = Vec::new();
    for index in 0..=random.below(MAX_NODES) {
        let node = node(index, random, &nodes);
        nodes.push(node);
    }
    named(name, ended(nodes, random))
}

/// The definition of the workflows that nodes start: a map, with a function to undo it.
pub(crate) fn child(random: &Random) -> Definition {
    let list = bounded(NodeDef::function("list", FUNCTION), random);
    let map = bounded(NodeDef::service("map", SERVICE, METHOD), random).map_over("list");
    let nodes = vec![list, varied(map, random)];
    named(CHILD, ended(nodes, random))
}

fn named(name: &str, nodes: Vec<NodeDef>) -> Definition {
    Definition {
        name: name.to_owned(),
        version: 1,
        nodes,
        output: "end".into(),
    }
}

/// These nodes, one that waits for them all, and some that undo them.
fn ended(mut nodes: Vec<NodeDef>, random: &Random) -> Vec<NodeDef> {
    let all: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
    let undone = nodes.iter().filter(|node| !node.run.waits());
    let undone: Vec<String> = undone.map(|node| node.name.clone()).collect();
    nodes.push(NodeDef::inline("end").after(all));
    for name in undone.into_iter().filter(|_| random.one_in(4)) {
        let undo = NodeDef::function(format!("undo-{name}"), FUNCTION);
        nodes.push(bounded(undo, random).undo_of(name));
    }
    nodes
}

fn node(index: u64, random: &Random, earlier: &[NodeDef]) -> NodeDef {
    let name = format!("n{index}");
    let node = match random.below(9) {
        0 => NodeDef::signal(name),
        1 => NodeDef::timer(name, 1 + random.below(5_000)),
        2 => NodeDef::inline(name),
        3 | 4 => NodeDef::service(name, SERVICE, METHOD),
        5 => NodeDef::workflow(name, CHILD),
        _ => NodeDef::function(name, FUNCTION),
    };
    let node = match node.run.waits() {
        true => node,
        false => bounded(spread(node, random, earlier), random),
    };
    let node = match earlier.is_empty() || random.one_in(3) {
        true => node,
        false => node.after([random.pick(earlier).name.clone()]),
    };
    let rarely = if node.run.waits() { 4 } else { 12 };
    let node = match random.one_in(rarely) {
        true => node.deadline_ms(500 + random.below(8_000)),
        false => node,
    };
    match random.one_in(10) {
        true => node.skip_when("/absent", serde_json::Value::Null),
        false => node,
    }
}

/// A map or a reduce, where there is something to be over or of.
fn spread(node: NodeDef, random: &Random, earlier: &[NodeDef]) -> NodeDef {
    // One without a list, now and then: the map then fails.
    let careless = random.one_in(6);
    let lists = |node: &&NodeDef| match node.run {
        Run::Timer(_) | Run::Inline => careless,
        _ => true,
    };
    let over = earlier.iter().rev().find(lists);
    let is_map = |node: &&NodeDef| matches!(node.kind, Kind::Map { .. });
    let map = earlier.iter().rev().find(is_map);
    match (random.below(4), over, map) {
        (0, Some(over), _) => varied(node.map_over(over.name.clone()), random),
        (1 | 2, _, Some(map)) => node.reduce_of(map.name.clone()),
        (3, Some(over), None) => varied(node.map_over(over.name.clone()), random),
        _ => node,
    }
}

/// A map that may lose elements, or has slow ones run twice, now and then.
fn varied(map: NodeDef, random: &Random) -> NodeDef {
    let map = match random.one_in(4) {
        true => map.allow_failed(Allowed::Count(1 + random.below(2))),
        false => map,
    };
    match random.one_in(2) && matches!(map.run, Run::Function(_)) {
        true => map.speculate(Speculate {
            quantile: 50,
            factor: 105,
            min_ms: 50,
        }),
        false => map,
    }
}

fn bounded(node: NodeDef, random: &Random) -> NodeDef {
    let retry = Retry {
        backoff_ms: 400,
        max_backoff_ms: 4_000,
        ..Retry::default()
    };
    let is_out = node.run != Run::Inline;
    match is_out && random.one_in(2) {
        true => node.timeout_ms(1_000 + random.below(4_000)),
        false => node,
    }
    .retry(retry)
}

/// The code of each node that runs any.
pub(crate) fn code(definition: &Definition) -> Vec<(String, NodeCode)> {
    let nodes = definition.nodes.iter().filter(|node| !node.run.waits());
    let code = nodes.map(|node| {
        let code = match node.run {
            Run::Service { .. } => NodeCode::service(call),
            Run::Function(_) => NodeCode::function(|_: &TaskContext| Ok(Invocation::default())),
            Run::Workflow { .. } => NodeCode::workflow(inline),
            _ if definition.name == CHILD => NodeCode::inline(input),
            _ => NodeCode::inline(inline),
        };
        (node.name.clone(), code)
    });
    code.collect()
}

fn call(_: &TaskContext) -> Result<ServiceCall, Error> {
    Ok(ServiceCall::new(SERVICE, METHOD, &CancelCall::default()))
}

fn inline(task: &TaskContext) -> Result<Value, Error> {
    let element = task.element().map_or(0, |element| element.index);
    Ok(Value::inline(json!(element).to_string()))
}

/// What a child was given: the number of its element.
fn input(task: &TaskContext) -> Result<Value, Error> {
    Ok(task.input().clone())
}

/// The same, but its first reduce no longer waits for its map: an engine that forgets an edge.
pub(crate) fn without_a_reduce(mut definition: Definition) -> Definition {
    let mut sources = std::collections::BTreeMap::new();
    for node in &definition.nodes {
        if let Kind::Map { over } = &node.kind {
            sources.insert(node.name.clone(), over.clone());
        }
    }
    for node in &mut definition.nodes {
        if let Kind::Reduce { of } = &node.kind {
            let over = sources.get(of).cloned();
            node.kind = Kind::Single;
            node.after.retain(|after| !sources.contains_key(after));
            node.after.extend(over);
            break;
        }
    }
    definition
}
