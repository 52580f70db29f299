//! Workflows that run to a good end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use clock::SystemClock;
use errors::Error;
use plato::{Definition, NodeCode, NodeDef, Registry, TaskContext, Value};
use plato_runtime::RuntimeConfig;
use proto::base::v1::Envelope;
use proto::plato::v1::{NodeState, WorkflowState};
use proto::stratum::v1::Invocation;
use store::MemoryStore;
use store_fjall::FjallStore;

use crate::site::{Site, WORK, registry};
use crate::worker::{Answer, Worker, reply};

fn doubles(count: u64) -> Vec<Value> {
    (0..count)
        .map(|n| Value::inline((n * 2).to_string()))
        .collect()
}

fn once(count: u64) -> Vec<(u64, usize)> {
    (0..count).map(|element| (element, 1)).collect()
}

async fn assert_whole(site: &Site, workflow: &str, count: u64) {
    assert_eq!(
        site.recorded(workflow)
            .await
            .into_iter()
            .collect::<Vec<_>>(),
        once(count)
    );
    assert_eq!(site.results(workflow).await, doubles(count));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_and_its_reduce_run_to_the_end() {
    let site = Site::new();
    let _worker = Worker::start(&site, 300).await;
    let runtime = site.runtime("a").await;
    site.start("w1").await;
    site.start("w2").await;
    for end in site.ends(["w1", "w2"]).await {
        assert_eq!(
            end.state.as_known(),
            Some(WorkflowState::Succeeded),
            "{end:?}"
        );
        assert_eq!(end.output.as_option().unwrap().inline, b"\"joined\"");
        let work = &end.nodes[WORK.index()];
        assert_eq!(
            (work.state.as_known(), work.total, work.done),
            (Some(NodeState::Succeeded), 300, 300)
        );
        assert_whole(&site, &end.workflow_id, 300).await;
    }
    let view = site.view("w1").await;
    assert_eq!(view.output.unwrap().inline, "\"joined\"");
    runtime.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_map_is_reduced_all_the_same() {
    let site = Site::new();
    let worker = Worker::start(&site, 0).await;
    let _runtime = site.runtime("a").await;
    site.start("w").await;
    assert_eq!(
        site.end("w").await.state.as_known(),
        Some(WorkflowState::Succeeded)
    );
    assert_eq!(worker.calls("t-join"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_store_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    let store = FjallStore::open(folder.path(), Arc::new(SystemClock)).unwrap();
    let site = Site::over(Arc::new(store), registry());
    let _worker = Worker::start(&site, 100).await;
    let runtime = site.runtime("a").await;
    site.start("w").await;
    assert_eq!(
        site.end("w").await.state.as_known(),
        Some(WorkflowState::Succeeded)
    );
    assert_whole(&site, "w", 100).await;
    runtime.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_store_holds_the_queue_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let store = FjallStore::open(folder.path(), Arc::new(SystemClock)).unwrap();
    let site = Site::in_one(Arc::new(store), registry());
    let _worker = Worker::start(&site, 200).await;
    let config = |process: &str| RuntimeConfig {
        queue_in_store: true,
        ..Site::config(process)
    };
    let clock = || Arc::new(SystemClock);
    let first = site.runtime_with(config("a"), clock()).await;
    site.start("w1").await;
    site.start("w2").await;
    site.until_recorded("w1", 50).await;
    // What it had in hand goes to the next.
    first.shutdown().await;
    let second = site.runtime_with(config("b"), clock()).await;
    for end in site.ends(["w1", "w2"]).await {
        assert_eq!(end.state.as_known(), Some(WorkflowState::Succeeded));
        assert_whole(&site, &end.workflow_id, 200).await;
    }
    second.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_tries_are_made_again() {
    let site = Site::new();
    let tries = AtomicU32::new(0);
    let _worker = Worker::start_with(&site, 5, move |invocation| {
        let fails = invocation.function == "t-work" && invocation.generation < 2;
        fails.then(|| match tries.fetch_add(1, Ordering::SeqCst) % 2 {
            0 => Answer::Failed(Error::function("EXIT_1", "it did not work")),
            _ => Answer::Failed(Error::platform("LOST", "the host went away")),
        })
    })
    .await;
    let _runtime = site.runtime("a").await;
    site.start("w").await;
    let end = site.end("w").await;
    assert_eq!(
        end.state.as_known(),
        Some(WorkflowState::Succeeded),
        "{end:?}"
    );
    assert_eq!(end.nodes[WORK.index()].retries, 10);
    assert_whole(&site, "w", 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ran_out_of_memory_asks_for_more_each_time() {
    let site = Site::new();
    let _worker = Worker::start_with(&site, 3, |invocation| {
        let too_small = invocation.function == "t-work" && invocation.outgrown < 2;
        let error = Error::function(plato::OUT_OF_MEMORY, "it needed more");
        too_small.then(|| Answer::Failed(error))
    })
    .await;
    let _runtime = site.runtime("a").await;
    site.start("w").await;
    let end = site.end("w").await;
    assert_eq!(end.state.as_known(), Some(WorkflowState::Succeeded));
    assert_eq!(end.nodes[WORK.index()].retries, 6);
    assert_whole(&site, "w", 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_twice_is_recorded_once() {
    let site = Site::new();
    let _worker = Worker::start(&site, 20).await;
    let runtime = site.runtime("a").await;
    site.start("w").await;
    site.start_again("w").await;
    site.end("w").await;
    // A result that an agent sends again, after all is over.
    let invocation_id = ids::invocation("w", "work", 3, 0);
    let late = proto::stratum::v1::InvocationResult {
        invocation_id,
        ..Default::default()
    };
    let message = reply(
        &timestone_client::names::inbox_of_workflow("t", "w", 2),
        &late,
    );
    let message = timestone::NewMessage {
        id: "another id".into(),
        ..message
    };
    site.client.enqueue(vec![message]).await.unwrap();
    let counted = async {
        while runtime.counts().late < 1 || runtime.counts().duplicates < 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), counted)
        .await
        .unwrap();
    assert_whole(&site, "w", 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inline_results_are_journaled_and_never_made_again() {
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let first = move |_: &TaskContext| {
        counted.fetch_add(1, Ordering::SeqCst);
        plato::json::value(&"first")
    };
    let then = |_: &TaskContext| Ok(proto::stratum::v1::Invocation::default());
    let last = |task: &TaskContext| Ok(task.output("first")?.clone());
    let mut registry = Registry::new();
    let definition = Definition {
        name: "t.inline".into(),
        version: 1,
        nodes: vec![
            NodeDef::inline("first"),
            NodeDef::function("then", "t-join").after(["first"]),
            NodeDef::inline("last").after(["then"]),
        ],
        output: "last".into(),
    };
    let code = [
        ("first", NodeCode::inline(first)),
        ("then", NodeCode::function(then)),
        ("last", NodeCode::inline(last)),
    ];
    registry.register(definition, code).unwrap();
    let site = Site::over(Arc::new(MemoryStore::new(Arc::new(SystemClock))), registry);
    let runtime = site.runtime("a").await;
    site.start_of("w", "t.inline", Envelope::default()).await;
    // The second node waits for a worker, which comes after a restart.
    site.until_dispatched("w", "then").await;
    runtime.shutdown().await;
    let _worker = Worker::start(&site, 0).await;
    let _runtime = site.runtime("a").await;
    let end = site.end("w").await;
    assert_eq!(end.output.as_option().unwrap().inline, b"\"first\"");
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_surrounds_a_workflow_travels_on() {
    let site = Site::new();
    let _runtime = site.runtime("a").await;
    let envelope = Envelope {
        tenant: "studio".into(),
        priority: 7,
        ..Default::default()
    };
    site.start_of("w", "t.demo", envelope).await;
    site.until_dispatched("w", "split").await;
    let id = ids::invocation("w", "split", 0, 0);
    let key = timestone::MessageKey {
        queue: "stratum/t-split".into(),
        id: id.clone(),
    };
    let message = site.client.get(&key).await.unwrap().unwrap();
    assert_eq!(message.priority, 7);
    let envelope = timestone_client::envelope::of_payload(&message.payload).unwrap();
    assert_eq!(
        (envelope.tenant.as_str(), envelope.correlation_id.as_str()),
        ("studio", "w")
    );
    let invocation: proto::stratum::v1::Invocation =
        timestone_client::envelope::open(&envelope).unwrap();
    let address = (
        invocation.id,
        invocation.workflow,
        invocation.node,
        invocation.function,
    );
    assert_eq!(address, (id, "w".into(), "split".into(), "t-split".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_may_be_more_urgent_than_its_workflow() {
    let ask = || NodeCode::function(|_: &TaskContext| Ok(Invocation::default()));
    let child = || NodeCode::workflow(|_: &TaskContext| Ok(Value::inline("{}")));
    let inner = Definition {
        name: "t.leaf".into(),
        version: 1,
        nodes: vec![NodeDef::function("leaf", "t-leaf")],
        output: "leaf".into(),
    };
    let outer = Definition {
        name: "t.urgent".into(),
        version: 1,
        nodes: vec![
            NodeDef::function("hurried", "t-hurried").priority(-3),
            NodeDef::function("plain", "t-plain"),
            NodeDef::workflow("child", "t.leaf").priority(-2),
        ],
        output: "plain".into(),
    };
    let mut registry = Registry::new();
    registry.register(inner, [("leaf", ask())]).unwrap();
    let code = [("hurried", ask()), ("plain", ask()), ("child", child())];
    registry.register(outer, code).unwrap();
    let site = Site::new().with_registry(registry);
    let _runtime = site.runtime("a").await;
    let envelope = Envelope {
        priority: 7,
        ..Default::default()
    };
    site.start_of("w", "t.urgent", envelope).await;
    let leaf = ids::invocation("w", "child", 0, 0);
    // What the child starts inherits the priority of the node that started it.
    for (workflow, node, priority) in [("w", "hurried", -3), ("w", "plain", 7), (&leaf, "leaf", -2)]
    {
        site.until_dispatched(workflow, node).await;
        let key = timestone::MessageKey {
            queue: format!("stratum/t-{node}"),
            id: ids::invocation(workflow, node, 0, 0),
        };
        let message = site.client.get(&key).await.unwrap().unwrap();
        assert_eq!(message.priority, priority, "{node}");
    }
}

/// A chain, and as many nodes side by side before the last one.
fn large(name: &str, nodes: usize, chain: bool) -> Definition {
    let node = |index: usize| match index {
        0 => NodeDef::function("n0", "t-announce"),
        last if last + 1 == nodes && !chain => NodeDef::function(format!("n{last}"), "t-announce")
            .after(
                (1..last)
                    .map(|before| format!("n{before}"))
                    .collect::<Vec<_>>(),
            ),
        index => NodeDef::function(format!("n{index}"), "t-announce")
            .after([format!("n{}", if chain { index - 1 } else { 0 })]),
    };
    Definition {
        name: name.into(),
        version: 1,
        nodes: (0..nodes).map(node).collect(),
        output: format!("n{}", nodes - 1),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_may_have_a_thousand_nodes() {
    let mut registry = Registry::new();
    for (name, chain) in [("t.chain", true), ("t.wide", false)] {
        let definition = large(name, plato::limits::MAX_NODES, chain);
        let names: Vec<String> = definition
            .nodes
            .iter()
            .map(|node| node.name.clone())
            .collect();
        let ask = |_: &TaskContext| Ok(Invocation::default());
        let code = names
            .into_iter()
            .map(|name| (name, NodeCode::function(ask)));
        registry.register(definition, code).unwrap();
    }
    let site = Site::new().with_registry(registry);
    let _runtime = site.runtime("a").await;
    let _worker = Worker::start(&site, 0).await;
    for name in ["t.chain", "t.wide"] {
        site.start_of(name, name, Envelope::default()).await;
        let end = site.end(name).await;
        assert_eq!(
            end.state.as_known(),
            Some(WorkflowState::Succeeded),
            "{end:?}"
        );
        assert_eq!(end.nodes.len(), plato::limits::MAX_NODES);
    }
}
