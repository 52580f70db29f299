//! The service that calls: its workflows ask the other one.

use blob::ListRef;
use buffa::Message;
use errors::Error;
use plato::{
    Definition, NodeCode, NodeDef, Registry, Retry, ServiceCall, TaskContext, Value, json,
};
use proto::base::v1 as wire;

pub(crate) const SERVICE: &str = "asker";
/// Asks once, and puts out what was answered.
pub(crate) const ASK: &str = "asker.ask";
/// Asks once, and not for long.
pub(crate) const HURRY: &str = "asker.hurry";
/// Asks for each element of a list, and counts the answers.
pub(crate) const EACH: &str = "asker.each";

/// `texts` is what is asked for each.
pub(crate) fn registry(texts: ListRef) -> Registry {
    let mut registry = Registry::new();
    let hurry = |node: NodeDef| node.timeout_ms(100).retry(Retry::NEVER);
    for (name, ask) in [(ASK, ask_node()), (HURRY, hurry(ask_node()))] {
        let code = [
            ("ask", NodeCode::service(ask_input)),
            ("tell", NodeCode::inline(tell)),
        ];
        registry.register(one(name, ask), code).unwrap();
    }
    let split = move |_: &TaskContext| {
        Ok(Value {
            list: Some(texts.clone()),
            ..Value::default()
        })
    };
    let code = [
        ("split", NodeCode::inline(split)),
        ("ask", NodeCode::service(ask_element)),
        ("count", NodeCode::inline(count)),
    ];
    registry.register(each(), code).unwrap();
    registry
}

fn ask_node() -> NodeDef {
    NodeDef::service("ask", "echo", "Echo").retry(Retry {
        backoff_ms: 5,
        ..Retry::default()
    })
}

fn one(name: &str, ask: NodeDef) -> Definition {
    Definition {
        name: name.into(),
        version: 1,
        nodes: vec![ask, NodeDef::inline("tell").after(["ask"])],
        output: "tell".into(),
    }
}

fn each() -> Definition {
    Definition {
        name: EACH.into(),
        version: 1,
        nodes: vec![
            NodeDef::inline("split"),
            ask_node().map_over("split"),
            NodeDef::inline("count").reduce_of("ask"),
        ],
        output: "count".into(),
    }
}

fn asking(text: &Value) -> ServiceCall {
    let request = wire::Envelope {
        body: text.inline.to_vec(),
        ..Default::default()
    };
    ServiceCall::new("echo", "Echo", &request)
}

fn ask_input(task: &TaskContext) -> Result<ServiceCall, Error> {
    Ok(asking(task.input()))
}

fn ask_element(task: &TaskContext) -> Result<ServiceCall, Error> {
    Ok(asking(&task.element()?.value))
}

fn tell(task: &TaskContext) -> Result<Value, Error> {
    let answer: wire::Value = json::parse(task.output("ask")?)?;
    assert!(answer.encode_to_vec().len() < 1_000);
    Ok(Value::inline(answer.inline))
}

fn count(task: &TaskContext) -> Result<Value, Error> {
    Ok(Value::inline(task.results()?.count.to_string()))
}
