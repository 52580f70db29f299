//! The shelf: a graph that encodes one title, and rules that keep all of them fresh.

use plato::{Definition, InvalidDefinition, NodeCode, NodeDef, Problem, Registry, TaskContext};
use plato_rules::{RuleBase, RuleRegistry};
use plato_runtime::Definitions;

fn main() -> std::process::ExitCode {
    service_kit::main("shelf", definitions)
}

fn definitions() -> Result<Definitions, InvalidDefinition> {
    Ok(Definitions {
        graphs: graphs()?.into(),
        rules: rules()?.into(),
    })
}

/// `shelf.encode`: the function, then a node that tells what came of it.
fn graphs() -> Result<Registry, InvalidDefinition> {
    let definition = Definition {
        name: "shelf.encode".into(),
        version: 1,
        nodes: vec![
            NodeDef::function("encode", "shelf-encode"),
            NodeDef::inline("tell").after(["encode"]),
        ],
        output: "tell".into(),
    };
    // The function is asked what the workflow was started with.
    let encode = |task: &TaskContext| {
        let asked: serde_json::Value =
            serde_json::from_slice(&task.input().inline).unwrap_or_default();
        plato::invoke::with_params(&asked)
    };
    let tell = |task: &TaskContext| Ok(task.output("encode")?.clone());
    let mut graphs = Registry::new();
    let code = [
        ("encode", NodeCode::function(encode)),
        ("tell", NodeCode::inline(tell)),
    ];
    graphs.register(definition, code)?;
    Ok(graphs)
}

/// `shelf.freshness`, which is data; no rule of it needs code.
fn rules() -> Result<RuleRegistry, InvalidDefinition> {
    let text = include_str!("../rules/freshness.yaml");
    let base = RuleBase::of_yaml(text).map_err(|message| InvalidDefinition {
        name: "shelf.freshness".into(),
        problems: vec![Problem {
            place: "rules/freshness.yaml".into(),
            message,
            hint: "see RULES.md".into(),
        }],
    })?;
    let mut rules = RuleRegistry::default();
    rules.register(base, Vec::<(String, NodeCode)>::new())?;
    Ok(rules)
}
