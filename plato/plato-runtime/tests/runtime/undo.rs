//! Workflows that undo what they did.

use std::sync::Arc;

use clock::SystemClock;
use errors::Error;
use plato::{Definition, NodeCode, NodeDef, NodePhase, Registry, Retry, TaskContext};
use proto::plato::v1::WorkflowState;
use proto::stratum::v1::Invocation;
use store::MemoryStore;

use crate::site::Site;
use crate::worker::{Answer, Worker};

/// reserve → charge → ship; release undoes reserve, refund undoes charge.
fn registry() -> Registry {
    let function = |name: &str, function: &str| NodeDef::function(name, function);
    // What a worker that was lost has taken is given up, and tried again.
    let patient = Retry {
        function: 50,
        backoff_ms: 5,
        ..Retry::default()
    };
    let definition = Definition {
        name: "t.demo".into(),
        version: 1,
        nodes: vec![
            function("reserve", "t-encode"),
            function("charge", "t-encode").after(["reserve"]),
            function("ship", "t-work")
                .after(["charge"])
                .retry(Retry::NEVER),
            function("release", "t-announce").undo_of("reserve"),
            function("refund", "t-announce")
                .undo_of("charge")
                .timeout_ms(1_000)
                .retry(patient),
        ],
        output: "ship".into(),
    };
    let plain = |_: &TaskContext| Ok(Invocation::default());
    let undo = |of: &'static str| {
        move |task: &TaskContext| {
            Ok(Invocation {
                params_json: task.output(of)?.inline.to_vec(),
                ..Invocation::default()
            })
        }
    };
    let code = [
        ("reserve", NodeCode::function(plain)),
        ("charge", NodeCode::function(plain)),
        ("ship", NodeCode::function(plain)),
        ("release", NodeCode::function(undo("reserve"))),
        ("refund", NodeCode::function(undo("charge"))),
    ];
    let mut registry = Registry::new();
    registry.register(definition, code).unwrap();
    registry
}

fn fails(invocation: &Invocation) -> Option<Answer> {
    let error = Error::source("SOLD_OUT", "there is none left");
    (invocation.function == "t-work").then_some(Answer::Failed(error))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_succeeded_is_undone_after_a_failure_through_a_restart() {
    let store = MemoryStore::new(Arc::new(SystemClock));
    let site = Site::over(Arc::new(store), registry());
    let worker = Worker::start_with(&site, 0, |invocation| {
        let hangs = invocation.function == "t-announce";
        fails(invocation).or(hangs.then_some(Answer::Never))
    })
    .await;
    let runtime = site.runtime("a").await;
    site.start("w").await;
    site.until(|| async { worker.calls("t-announce") > 0 })
        .await;
    let nodes = site.view("w").await.state.nodes;
    let phases: Vec<_> = nodes.iter().map(|node| node.phase()).collect();
    use NodePhase::{Failed, Running, Succeeded, Waiting};
    assert_eq!(phases, [Succeeded, Succeeded, Failed, Waiting, Running]);
    drop(worker);
    runtime.shutdown().await;

    // The one that comes first fails: the other is undone all the same.
    let _worker = Worker::start_with(&site, 0, |invocation| {
        assert_eq!(invocation.params_json, b"\"joined\"");
        let error = Error::user("CLOSED", "the account is closed");
        fails(invocation).or((invocation.node == "refund").then_some(Answer::Failed(error)))
    })
    .await;
    let runtime = site.runtime("b").await;
    let end = site.end("w").await;
    assert_eq!(end.state.as_known(), Some(WorkflowState::Failed));
    assert_eq!(end.error.as_option().unwrap().code, "SOLD_OUT");
    let nodes = site.view("w").await.state.nodes;
    let phases: Vec<_> = nodes.iter().map(|node| node.phase()).collect();
    assert_eq!(phases, [Succeeded, Succeeded, Failed, Succeeded, Failed]);
    runtime.shutdown().await;
}
