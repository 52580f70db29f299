//! What a definition must satisfy before it may run.

use std::collections::{BTreeMap, BTreeSet};

use crate::definition::{Allowed, Condition, Definition, Kind, NodeDef, Run, Speculate};
use crate::limits::{MAX_BATCH, MAX_INLINE_BYTES, MAX_NAME_BYTES, MAX_NODES, MAX_TIMER_MS};
use crate::problem::Problem;
use crate::skip;

/// Everything that is wrong with `definition`.
pub(crate) fn problems(definition: &Definition) -> Vec<Problem> {
    let mut problems = whole(definition);
    let names = names(definition, &mut problems);
    for (index, node) in definition.nodes.iter().enumerate() {
        problems.extend(node_problems(index, node));
        problems.extend(edge_problems(index, node, definition, &names));
    }
    problems.extend(output_problems(definition, &names));
    if problems.is_empty() {
        problems.extend(cycle(definition, &names));
    }
    if problems.is_empty() {
        problems.extend(condition_problems(definition, &names));
    }
    problems
}

/// Conditions in CEL, each over the nodes that come before its own.
fn condition_problems(definition: &Definition, names: &Names<'_>) -> Vec<Problem> {
    let nodes = definition.nodes.iter().enumerate();
    let problems = nodes.filter_map(|(index, node)| {
        let problem = skip::check(node.skip_if.as_ref()?, &before(node, definition, names));
        let hint = "write a condition such as `outputs.check.ok == false`";
        let place = format!("nodes[{index}].skip_if");
        problem
            .err()
            .map(|problem| Problem::new(place, problem, hint))
    });
    problems.collect()
}

/// The nodes before one, near and far.
fn before<'a>(
    node: &'a NodeDef,
    definition: &'a Definition,
    names: &Names<'_>,
) -> BTreeSet<&'a str> {
    let mut before = BTreeSet::new();
    let mut todo: Vec<&str> = node.dependencies().collect();
    while let Some(name) = todo.pop() {
        if before.insert(name)
            && let Some(node) = names
                .get(name)
                .and_then(|index| definition.nodes.get(*index))
        {
            todo.extend(node.dependencies());
        }
    }
    before
}

/// Where each name is.
type Names<'a> = BTreeMap<&'a str, usize>;

fn whole(definition: &Definition) -> Vec<Problem> {
    let mut problems: Vec<_> = name_problem("name", &definition.name, true)
        .into_iter()
        .collect();
    if definition.version == 0 {
        problems.push(Problem::new("version", "is 0", "versions begin with 1"));
    }
    if definition.nodes.is_empty() || definition.nodes.len() > MAX_NODES {
        let message = format!("there are {} nodes", definition.nodes.len());
        problems.push(Problem::new(
            "nodes",
            message,
            format!("have 1 to {MAX_NODES}"),
        ));
    }
    problems
}

fn names<'a>(definition: &'a Definition, problems: &mut Vec<Problem>) -> Names<'a> {
    let mut names = Names::new();
    for (index, node) in definition.nodes.iter().enumerate() {
        if let Some(first) = names.insert(node.name.as_str(), index) {
            let message = format!("`{}` is also the name of nodes[{first}]", node.name);
            let place = format!("nodes[{index}].name");
            problems.push(Problem::new(place, message, "give each node its own name"));
        }
    }
    names
}

fn node_problems(index: usize, node: &NodeDef) -> Vec<Problem> {
    let at = |field: &str| format!("nodes[{index}].{field}");
    let mut problems: Vec<_> = name_problem(&at("name"), &node.name, false)
        .into_iter()
        .collect();
    problems.extend(run_problems(&at("run"), &node.run));
    if node.timeout_ms == Some(0) {
        let hint = "leave it out to let a try take as long as it needs";
        problems.push(Problem::new(at("timeout_ms"), "is 0", hint));
    }
    if node.deadline_ms == Some(0) {
        let hint = "leave it out to let the node take as long as it needs";
        problems.push(Problem::new(at("deadline_ms"), "is 0", hint));
    }
    if node.run.waits() {
        problems.extend(wait_problems(index, node));
    }
    problems.extend(map_problems(index, node));
    let default = node.default.as_ref().map(|json| json.to_string().len());
    if default.is_some_and(|bytes| bytes > MAX_INLINE_BYTES) {
        let hint = format!("at most {MAX_INLINE_BYTES} bytes");
        problems.push(Problem::new(at("default"), "it is too large", hint));
    }
    if node.kind.is_undo() {
        problems.extend(undo_problems(index, node));
    }
    problems.extend(
        node.skip_when
            .as_ref()
            .and_then(|when| pointer_problem(&at("skip_when"), when)),
    );
    problems
}

/// A node that waits has no tries.
fn wait_problems(index: usize, node: &NodeDef) -> Vec<Problem> {
    let at = |field: &str| format!("nodes[{index}].{field}");
    let mut problems = Vec::new();
    if node.kind != Kind::Single {
        let hint = "let it be single, and map or reduce in a node after it";
        problems.push(Problem::new(
            at("kind"),
            "a node that waits has one task",
            hint,
        ));
    }
    if node.timeout_ms.is_some() {
        let hint = "use `deadline_ms` to bound how long it waits";
        problems.push(Problem::new(
            at("timeout_ms"),
            "a node that waits makes no tries",
            hint,
        ));
    }
    problems
}

/// What only a map can have.
fn map_problems(index: usize, node: &NodeDef) -> Vec<Problem> {
    let at = |field: &str| format!("nodes[{index}].{field}");
    let is_map = matches!(node.kind, Kind::Map { .. });
    let mut problems = Vec::new();
    if let Some(Allowed::Percent(percent @ 101..)) = node.allow_failed {
        let message = format!("is {percent} of a hundred");
        problems.push(Problem::new(
            at("allow_failed.percent"),
            message,
            "allow at most 100",
        ));
    }
    if node.allow_failed.is_some() && !is_map {
        let hint = "leave it out, or let the node map a list";
        problems.push(Problem::new(
            at("allow_failed"),
            "only elements of a map are allowed to fail",
            hint,
        ));
    }
    problems.extend(batch_problem(&at("batch"), node, is_map));
    if let Some(speculate) = node.speculate {
        if !is_map || !matches!(node.run, Run::Function(_)) {
            let hint = "leave it out, or map a list with a function";
            problems.push(Problem::new(
                at("speculate"),
                "only tasks of a map of a function are run a second time",
                hint,
            ));
        }
        problems.extend(speculate_problems(&at("speculate"), speculate));
    }
    problems
}

fn batch_problem(place: &str, node: &NodeDef, is_map: bool) -> Option<Problem> {
    let batch = node.batch?;
    if !is_map || !matches!(node.run, Run::Function(_) | Run::Inline) {
        let hint = "leave it out, or map a list with a function or inline code";
        let message = "only a map of a function or of inline code has batches";
        return Some(Problem::new(place, message, hint));
    }
    let hint = format!("give a task 1 to {MAX_BATCH} elements");
    let fits = (1..=MAX_BATCH).contains(&batch);
    (!fits).then(|| Problem::new(place, format!("is {batch}"), hint))
}

fn speculate_problems(place: &str, speculate: Speculate) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !(1..=100).contains(&speculate.quantile) {
        let message = format!("is {}", speculate.quantile);
        let hint = "wait for 1 to 100 percent of the elements";
        problems.push(Problem::new(format!("{place}.quantile"), message, hint));
    }
    if speculate.factor < 100 {
        let message = format!("is {} percent", speculate.factor);
        let hint = "call slow what takes at least 100 percent of the usual time";
        problems.push(Problem::new(format!("{place}.factor"), message, hint));
    }
    problems
}

/// A node that undoes another runs when nothing else does.
fn undo_problems(index: usize, node: &NodeDef) -> Vec<Problem> {
    let asks = [
        ("after", !node.after.is_empty()),
        ("deadline_ms", node.deadline_ms.is_some()),
        ("skip_when", node.skip_when.is_some()),
        ("skip_if", node.skip_if.is_some()),
    ];
    let wrong = asks.into_iter().filter(|(_, asked)| *asked);
    let problem = |(field, _): (&str, bool)| {
        let message = "a node that undoes another runs when the workflow has failed";
        let hint = "leave it out; `retry` and `timeout_ms` bound how long it takes";
        Problem::new(format!("nodes[{index}].{field}"), message, hint)
    };
    wrong.map(problem).collect()
}

fn run_problems(place: &str, run: &Run) -> Vec<Problem> {
    let problems = match run {
        Run::Inline | Run::Signal => [None, None],
        Run::Timer(wait_ms) => [timer_problem(&format!("{place}.timer"), *wait_ms), None],
        Run::Function(name) => [
            name_problem(&format!("{place}.function"), name, false),
            None,
        ],
        Run::Service { service, method } => [
            name_problem(&format!("{place}.service.service"), service, false),
            method_problem(&format!("{place}.service.method"), method),
        ],
        Run::Workflow { definition, .. } => [
            name_problem(&format!("{place}.workflow.definition"), definition, true),
            None,
        ],
    };
    problems.into_iter().flatten().collect()
}

fn timer_problem(place: &str, wait_ms: u64) -> Option<Problem> {
    (wait_ms > MAX_TIMER_MS).then(|| {
        let hint = format!("wait for at most {MAX_TIMER_MS} ms, which is ten years");
        Problem::new(place, format!("is {wait_ms} ms"), hint)
    })
}

fn method_problem(place: &str, method: &str) -> Option<Problem> {
    let fits = (1..=MAX_NAME_BYTES).contains(&method.len());
    let begins = method.starts_with(|c: char| c.is_ascii_uppercase());
    let valid = fits && begins && method.chars().all(|c| c.is_ascii_alphanumeric());
    (!valid).then(|| {
        let message = format!("`{}` is not a method", method.escape_debug());
        let hint = format!(
            "name an RPC of the service, such as `ValidateVideo`: a capital and up to {} of A-Z, a-z, 0-9",
            MAX_NAME_BYTES - 1
        );
        Problem::new(place, message, hint)
    })
}

fn pointer_problem(place: &str, condition: &Condition) -> Option<Problem> {
    let pointer = &condition.pointer;
    let valid = pointer.is_empty() || pointer.starts_with('/');
    (!valid).then(|| {
        let message = format!("`{pointer}` is not a JSON pointer");
        Problem::new(
            format!("{place}.pointer"),
            message,
            format!("write `/{pointer}`"),
        )
    })
}

fn name_problem(place: &str, name: &str, dots: bool) -> Option<Problem> {
    let fits = (1..=MAX_NAME_BYTES).contains(&name.len());
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    let valid = fits && name.chars().all(|c| letter(c) || (dots && c == '.'));
    (!valid).then(|| {
        let also = if dots { ", `.`" } else { "" };
        let hint = format!("use 1 to {MAX_NAME_BYTES} of a-z, 0-9, `-`, `_`{also}");
        Problem::new(
            place,
            format!("`{}` is not a name", name.escape_debug()),
            hint,
        )
    })
}

fn edge_problems(
    index: usize,
    node: &NodeDef,
    definition: &Definition,
    names: &Names<'_>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (edge, name) in node.after.iter().enumerate() {
        problems.extend(missing(
            &format!("nodes[{index}].after[{edge}]"),
            name,
            names,
        ));
        problems.extend(not_an_undo(
            &format!("nodes[{index}].after[{edge}]"),
            name,
            definition,
            names,
        ));
    }
    problems.extend(kind_problem(
        &format!("nodes[{index}].kind"),
        &node.kind,
        definition,
        names,
    ));
    problems
}

fn kind_problem(
    place: &str,
    kind: &Kind,
    definition: &Definition,
    names: &Names<'_>,
) -> Option<Problem> {
    match kind {
        Kind::Single => None,
        Kind::Map { over } => {
            let place = format!("{place}.map.over");
            missing(&place, over, names).or_else(|| not_an_undo(&place, over, definition, names))
        }
        Kind::Undo { of } => {
            let place = format!("{place}.undo.of");
            missing(&place, of, names)
                .or_else(|| not_an_undo(&place, of, definition, names))
                .or_else(|| undone_twice(&place, of, definition))
        }
        Kind::Reduce { of } => {
            let place = format!("{place}.reduce.of");
            missing(&place, of, names).or_else(|| not_a_map(&place, of, definition, names))
        }
    }
}

fn not_a_map(place: &str, of: &str, definition: &Definition, names: &Names<'_>) -> Option<Problem> {
    let node = names
        .get(of)
        .and_then(|index| definition.nodes.get(*index))?;
    let is_map = matches!(node.kind, Kind::Map { .. });
    (!is_map).then(|| {
        let hint = "reduce a map, or use `after` to wait for a single node";
        Problem::new(place, format!("node `{of}` is not a map"), hint)
    })
}

/// Nothing waits for what may never run.
fn not_an_undo(
    place: &str,
    name: &str,
    definition: &Definition,
    names: &Names<'_>,
) -> Option<Problem> {
    let node = names
        .get(name)
        .and_then(|index| definition.nodes.get(*index))?;
    node.kind.is_undo().then(|| {
        let message = format!("node `{name}` undoes another, and may never run");
        Problem::new(place, message, "name a node that runs when all goes well")
    })
}

fn undone_twice(place: &str, of: &str, definition: &Definition) -> Option<Problem> {
    let undoes = |node: &&NodeDef| matches!(&node.kind, Kind::Undo { of: node } if node == of);
    let undos: Vec<&str> = definition
        .nodes
        .iter()
        .filter(undoes)
        .map(|node| node.name.as_str())
        .collect();
    (undos.len() > 1).then(|| {
        let message = format!("node `{of}` is undone by {}", undos.join(" and "));
        Problem::new(place, message, "undo a node by one other")
    })
}

fn missing(place: &str, name: &str, names: &Names<'_>) -> Option<Problem> {
    (!names.contains_key(name)).then(|| {
        let known: Vec<&str> = names.keys().copied().collect();
        let message = format!("there is no node `{name}`");
        Problem::new(
            place,
            message,
            format!("the nodes are {}", known.join(", ")),
        )
    })
}

fn output_problems(definition: &Definition, names: &Names<'_>) -> Option<Problem> {
    let missing = missing("output", &definition.output, names)
        .or_else(|| not_an_undo("output", &definition.output, definition, names));
    missing.or_else(|| {
        let skippable = skippable(definition, names);
        let output = names.get(definition.output.as_str());
        let output = output.and_then(|index| definition.nodes.get(*index));
        let has_default = output.is_some_and(|node| node.default.is_some());
        (!has_default && skippable.contains(definition.output.as_str())).then(|| {
            let message = format!("node `{}` may be passed over", definition.output);
            let hint = "put out a node that always runs, or give it a `default`";
            Problem::new("output", message, hint)
        })
    })
}

/// The nodes that may be passed over: by their own condition, or with their map or source.
fn skippable<'a>(definition: &'a Definition, names: &Names<'_>) -> BTreeSet<&'a str> {
    let own = definition.nodes.iter().filter(|node| node.may_skip());
    let mut skippable: BTreeSet<&str> = own.map(|node| node.name.as_str()).collect();
    // Each round finds at least one more or is the last.
    for _ in 0..names.len() {
        for node in &definition.nodes {
            if let Kind::Map { over: source } | Kind::Reduce { of: source } = &node.kind
                && skippable.contains(source.as_str())
            {
                skippable.insert(&node.name);
            }
        }
    }
    skippable
}

/// A cycle, if there is one: what remains when nodes that wait for nothing are taken away.
fn cycle(definition: &Definition, names: &Names<'_>) -> Option<Problem> {
    let mut left: BTreeSet<&str> = names.keys().copied().collect();
    let node = |name: &str| {
        names
            .get(name)
            .and_then(|index| definition.nodes.get(*index))
    };
    let waits = |name: &str, left: &BTreeSet<&str>| {
        node(name).and_then(|node| {
            node.dependencies()
                .find(|dependency| left.contains(dependency))
        })
    };
    while let Some(free) = left
        .iter()
        .copied()
        .find(|name| waits(name, &left).is_none())
    {
        left.remove(free);
    }
    let mut path = vec![*left.first()?];
    while let Some(next) = path.last().and_then(|last| waits(last, &left)) {
        let seen = path.iter().position(|name| *name == next);
        path.push(next);
        if let Some(start) = seen {
            return Some(cycle_problem(&path[start..], names));
        }
    }
    None
}

fn cycle_problem(path: &[&str], names: &Names<'_>) -> Problem {
    let index = path
        .first()
        .and_then(|name| names.get(name))
        .copied()
        .unwrap_or_default();
    let message = format!("nodes wait for each other: {}", path.join(" after "));
    Problem::new(
        format!("nodes[{index}]"),
        message,
        "take one of these edges away",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn definition(nodes: Vec<NodeDef>) -> Definition {
        let output = nodes
            .last()
            .map(|node| node.name.clone())
            .unwrap_or_default();
        Definition {
            name: "t.test".into(),
            version: 1,
            nodes,
            output,
        }
    }

    fn first(nodes: Vec<NodeDef>) -> String {
        let problems = problems(&definition(nodes));
        problems.first().map(Problem::to_string).unwrap_or_default()
    }

    fn a() -> NodeDef {
        NodeDef::inline("a")
    }

    fn b() -> NodeDef {
        NodeDef::inline("b")
    }

    fn c() -> NodeDef {
        NodeDef::inline("c")
    }

    #[test]
    fn a_sound_definition_has_no_problems() {
        let nodes = vec![
            NodeDef::function("split", "t-split"),
            NodeDef::function("work", "t-work").map_over("split"),
            NodeDef::function("join", "t-join").reduce_of("work"),
            NodeDef::service("ask", "vvs", "ValidateVideo").after(["join"]),
            NodeDef::inline("tell")
                .after(["ask", "split"])
                .skip_if("!outputs.ask.worth && counts.split > 1")
                .or_default(json!(null)),
        ];
        assert_eq!(first(nodes), "");
    }

    #[test]
    fn every_problem_names_its_place_and_what_would_do() {
        let cases = [
            (vec![], "nodes: there are 0 nodes; have 1 to 1000"),
            (
                vec![a(), a()],
                "nodes[1].name: `a` is also the name of nodes[0]; give each",
            ),
            (
                vec![NodeDef::inline("A")],
                "nodes[0].name: `A` is not a name; use 1 to 64 of a-z",
            ),
            (
                vec![NodeDef::function("f", "")],
                "nodes[0].run.function: `` is not a name",
            ),
            (
                vec![NodeDef::service("f", "", "Do")],
                "nodes[0].run.service.service: `` is not a name; use 1 to 64",
            ),
            (
                vec![NodeDef::service("f", "vvs", "")],
                "nodes[0].run.service.method: `` is not a method; name an RPC of the service",
            ),
            (
                vec![NodeDef::service("f", "vvs", "validateVideo")],
                "nodes[0].run.service.method: `validateVideo` is not a method",
            ),
            (
                vec![NodeDef::workflow("w", "T")],
                "nodes[0].run.workflow.definition: `T` is not a name; use 1 to 64 of a-z",
            ),
            (
                vec![a().after(["b"])],
                "nodes[0].after[0]: there is no node `b`; the nodes are a",
            ),
            (
                vec![a().map_over("b")],
                "nodes[0].kind.map.over: there is no node `b`",
            ),
            (
                vec![a(), NodeDef::inline("b").reduce_of("a")],
                "nodes[1].kind.reduce.of: node `a` is not a map; reduce a map",
            ),
            (vec![a().timeout_ms(0)], "nodes[0].timeout_ms: is 0"),
            (vec![a().deadline_ms(0)], "nodes[0].deadline_ms: is 0"),
            (
                vec![a(), NodeDef::signal("s").map_over("a")],
                "nodes[1].kind: a node that waits has one task; let it be single",
            ),
            (
                vec![NodeDef::timer("t", 5).timeout_ms(1)],
                "nodes[0].timeout_ms: a node that waits makes no tries; use `deadline_ms`",
            ),
            (
                vec![NodeDef::timer("t", u64::MAX)],
                "nodes[0].run.timer: is 18446744073709551615 ms; wait for at most",
            ),
            (
                vec![a().allow_failed(Allowed::Count(1))],
                "nodes[0].allow_failed: only elements of a map are allowed to fail",
            ),
            (
                vec![a(), b().map_over("a").allow_failed(Allowed::Percent(101))],
                "nodes[1].allow_failed.percent: is 101 of a hundred; allow at most 100",
            ),
            (
                vec![a(), NodeDef::service("b", "t", "Do").map_over("a").batch(5)],
                "nodes[1].batch: only a map of a function or of inline code has batches; leave",
            ),
            (
                vec![a().batch(5)],
                "nodes[0].batch: only a map of a function or of inline code has batches",
            ),
            (
                vec![a(), b().map_over("a").batch(1_001)],
                "nodes[1].batch: is 1001; give a task 1 to 1000 elements",
            ),
            (
                vec![a(), b().map_over("a").batch(0)],
                "nodes[1].batch: is 0; give a task 1 to 1000 elements",
            ),
            (
                vec![a(), b().map_over("a").speculate(Speculate::default())],
                "nodes[1].speculate: only tasks of a map of a function are run a second time",
            ),
            (
                vec![
                    a(),
                    NodeDef::function("f", "f")
                        .map_over("a")
                        .speculate(Speculate {
                            factor: 50,
                            ..Speculate::default()
                        }),
                ],
                "nodes[1].speculate.factor: is 50 percent; call slow what takes at least 100",
            ),
            (
                vec![a(), NodeDef::signal("s").undo_of("a")],
                "nodes[1].kind: a node that waits has one task; let it be single",
            ),
            (
                vec![a(), NodeDef::inline("u").undo_of("b")],
                "nodes[1].kind.undo.of: there is no node `b`",
            ),
            (
                vec![a(), NodeDef::inline("u").undo_of("a").after(["a"])],
                "nodes[1].after: a node that undoes another runs when the workflow has failed",
            ),
            (
                vec![a(), NodeDef::inline("u").undo_of("a")],
                "output: node `u` undoes another, and may never run; name a node",
            ),
            (
                vec![
                    NodeDef::inline("u").undo_of("b"),
                    NodeDef::inline("b").after(["u"]),
                ],
                "nodes[1].after[0]: node `u` undoes another",
            ),
            (
                vec![
                    NodeDef::inline("u").undo_of("b"),
                    NodeDef::inline("v").undo_of("b"),
                    NodeDef::inline("b"),
                ],
                "nodes[0].kind.undo.of: node `b` is undone by u and v; undo a node by one",
            ),
            (
                vec![a().skip_when("x", json!(1))],
                "nodes[0].skip_when.pointer: `x` is not",
            ),
            (
                vec![
                    a(),
                    b().after(["a"]).skip_if("outputs.c.ok"),
                    c().after(["b"]),
                ],
                "nodes[1].skip_if: no node `c` comes before this one; a do; write a condition",
            ),
            (
                vec![a(), b().after(["a"]).skip_if("1 + 1"), c()],
                "nodes[1].skip_if: it gives a number, not true or false",
            ),
            (
                vec![a().skip_if("true")],
                "output: node `a` may be passed over; put out a node that always runs, or",
            ),
            (
                vec![a().skip_when("/x", json!(1))],
                "output: node `a` may be passed over",
            ),
            (
                vec![a().after(["a"])],
                "nodes[0]: nodes wait for each other: a after a",
            ),
        ];
        for (nodes, expected) in cases {
            assert!(
                first(nodes.clone()).starts_with(expected),
                "{}",
                first(nodes)
            );
        }
    }

    #[test]
    fn a_cycle_is_told_by_its_path() {
        let nodes = vec![
            a(),
            NodeDef::inline("b").after(["a", "d"]),
            NodeDef::inline("c").after(["b"]),
            NodeDef::inline("d").map_over("c"),
        ];
        assert_eq!(
            first(nodes),
            "nodes[1]: nodes wait for each other: b after d after c after b; \
             take one of these edges away"
        );
    }

    #[test]
    fn a_reduce_is_passed_over_with_its_map() {
        let nodes = vec![
            a().skip_when("/x", json!(1)),
            NodeDef::inline("m").map_over("a"),
            NodeDef::inline("r").reduce_of("m"),
        ];
        assert!(first(nodes).starts_with("output: node `r` may be passed over"));
    }
}
