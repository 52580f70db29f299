//! Nodes that are prepared in the round that ends the one before.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use clock::SystemClock;
use errors::Error;
use plato::{Definition, Entry, Event, NodeCode, NodeDef, Registry, TaskContext};
use proto::base::v1::Envelope;
use proto::plato::v1::{WorkflowEvent, WorkflowState};
use proto::stratum::v1::Invocation;
use store::MemoryStore;

use crate::site::Site;
use crate::worker::Worker;

/// The parameters of each invocation, by workflow and node.
type Asked = BTreeMap<(String, String), Vec<u8>>;

/// Workflows run until the code of a node was quick enough.
const TRIES: usize = 50;

/// Three functions, one after the other; the code of the last panics for `bad`.
fn registry() -> Registry {
    let given = |task: &TaskContext| {
        let outputs = ["first", "then"].map(|node| task.find_output(node).cloned());
        let given = format!("{:?} {outputs:?} {:?}", task.input(), task.attributes());
        plato::invoke::with_params(&given)
    };
    let last = move |task: &TaskContext| -> Result<Invocation, Error> {
        assert_ne!(task.workflow(), "bad", "as the test wants it");
        given(task)
    };
    let definition = Definition {
        name: "t.chain".into(),
        version: 1,
        nodes: vec![
            NodeDef::function("first", "t-encode"),
            NodeDef::function("then", "t-join").after(["first"]),
            NodeDef::function("last", "t-announce").after(["then"]),
        ],
        output: "last".into(),
    };
    let code = [
        ("first", NodeCode::function(given)),
        ("then", NodeCode::function(given)),
        ("last", NodeCode::function(last)),
    ];
    let mut registry = Registry::new();
    registry.register(definition, code).unwrap();
    registry
}

async fn run(site: &Site, workflow: &str) -> WorkflowEvent {
    site.start_of(workflow, "t.chain", Envelope::default())
        .await;
    site.end(workflow).await
}

/// Whether every step began in the commit that ended the one before.
fn is_at_once(history: &[Entry]) -> bool {
    let ends = |entry: &&Entry| {
        entry
            .events
            .iter()
            .any(|event| matches!(event, Event::TaskSucceeded { .. }))
    };
    let begins = |entry: &Entry| {
        entry
            .events
            .iter()
            .any(|event| matches!(event, Event::TasksDispatched { .. }))
    };
    let ended = history.iter().filter(ends);
    ended.filter(|entry| begins(entry)).count() == 2
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_given_what_the_store_would_give_and_a_panic_ends_its_workflow_alone() {
    let site = Site::over(
        Arc::new(MemoryStore::new(Arc::new(SystemClock))),
        registry(),
    );
    let asked: Arc<Mutex<Asked>> = Arc::default();
    let heard = Arc::clone(&asked);
    let _worker = Worker::start_with(&site, 0, move |invocation| {
        let task = (invocation.workflow.clone(), invocation.node.clone());
        heard
            .lock()
            .unwrap()
            .insert(task, invocation.params_json.clone());
        None
    })
    .await;
    let _runtime = site.runtime("a").await;
    let mut tries = (0..TRIES).map(|n| format!("w{n}"));
    let at_once = loop {
        let workflow = tries.next().unwrap();
        let end = run(&site, &workflow).await;
        assert_eq!(end.state.as_known(), Some(WorkflowState::Succeeded));
        if is_at_once(&site.history(&workflow).await) {
            break workflow;
        }
    };
    for node in ["first", "then", "last"] {
        let asked = asked.lock().unwrap();
        let of = |workflow: &str| asked[&(workflow.to_owned(), node.to_owned())].clone();
        assert_eq!(
            of(&at_once),
            of("w0"),
            "the first of all was prepared beside the loop"
        );
    }
    let end = run(&site, "bad").await;
    assert_eq!(end.error.as_option().unwrap().code, "NODE_CODE_PANICKED");
    assert_eq!(
        run(&site, "good").await.state.as_known(),
        Some(WorkflowState::Succeeded)
    );
}
