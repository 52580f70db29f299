//! Workflows whose steps are known from the start.

use plato::{Definition, InvalidDefinition, NodeCode, NodeDef, Registry, TaskContext};

/// The graphs of the service.
///
/// # Errors
/// When one is not valid, with everything that is wrong with it.
pub fn registry() -> Result<Registry, InvalidDefinition> {
    let mut graphs = Registry::new();
    let (definition, code) = encode();
    graphs.register(definition, code)?;
    Ok(graphs)
}

/// `shelf.encode`: the function, then a node that tells what came of it.
pub fn encode() -> (Definition, [(&'static str, NodeCode); 2]) {
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
    let code = [
        ("encode", NodeCode::function(encode)),
        ("tell", NodeCode::inline(tell)),
    ];
    (definition, code)
}
