//! Workflows that start workflows.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use clock::SystemClock;
use errors::Error;
use plato::{Definition, NodeCode, NodeDef, Parent, Phase, Registry, Retry, State, TaskContext};
use plato_runtime::WorkflowSearch;
use proto::base::v1::Envelope;
use proto::plato::v1::{StartWorkflow, WorkflowEvent, WorkflowState};
use proto::stratum::v1::Invocation;
use store::MemoryStore;
use timestone_client::envelope;

use crate::site::{EVENTS, Site, WORK, definition, registry};
use crate::worker::{Answer, Worker};

/// split (a list) → work (a `t.inner` for each) → join (reduce); t.inner invokes
/// `t-work` with its input. t.endless starts itself.
fn with_children() -> Registry {
    let mut registry = registry();
    let mut nodes = definition().nodes;
    nodes[WORK.index()] = NodeDef::workflow("work", "t.inner")
        .map_over("split")
        .retry(Retry::NEVER);
    let outer = Definition {
        name: "t.outer".into(),
        nodes,
        ..definition()
    };
    let mut nodes = outer.nodes.clone();
    nodes[WORK.index()] = NodeDef::workflow("work", "t.demo").map_over("split");
    let nested = Definition {
        name: "t.nested".into(),
        nodes,
        ..definition()
    };
    let one = |name: &str, node: NodeDef| Definition {
        name: name.into(),
        version: 1,
        output: node.name.clone(),
        nodes: vec![node],
    };
    // What a worker that was lost has taken is given up, and tried again.
    let patient = Retry {
        function: 50,
        backoff_ms: 5,
        ..Retry::default()
    };
    let plain = |_: &TaskContext| Ok(Invocation::default());
    let code = [
        ("split", NodeCode::function(plain)),
        (
            "work",
            NodeCode::workflow(|task: &TaskContext| Ok(task.element()?.value.clone())),
        ),
        ("join", NodeCode::function(plain)),
        (
            "tell",
            NodeCode::inline(|task: &TaskContext| Ok(task.output("join")?.clone())),
        ),
    ];
    registry.register(nested, code.clone()).unwrap();
    registry.register(outer, code).unwrap();
    let inner = one(
        "t.inner",
        NodeDef::function("double", "t-work")
            .timeout_ms(1_000)
            .retry(patient),
    );
    let work = |task: &TaskContext| {
        Ok(Invocation {
            params_json: task.input().inline.to_vec(),
            ..Invocation::default()
        })
    };
    registry
        .register(inner, [("double", NodeCode::function(work))])
        .unwrap();
    let again = NodeDef::workflow("again", "t.endless").retry(Retry::NEVER);
    let endless = one("t.endless", again);
    let same = |task: &TaskContext| Ok(task.input().clone());
    registry
        .register(endless, [("again", NodeCode::workflow(same))])
        .unwrap();
    registry
}

fn site() -> Site {
    let store = MemoryStore::new(Arc::new(SystemClock));
    Site::over(Arc::new(store), with_children())
}

impl Site {
    async fn start_outer(&self, workflow: &str) {
        let start = StartWorkflow {
            workflow_id: workflow.into(),
            definition: "t.outer".into(),
            notify: EVENTS.into(),
            attributes: [("title".to_owned(), "heron".to_owned())]
                .into_iter()
                .collect(),
            ..Default::default()
        };
        let envelope = Envelope {
            priority: -7,
            tenant: "studio".into(),
            ..envelope::seal(&start)
        };
        self.send(workflow, workflow, envelope).await;
    }

    /// The workflows that others have started, in the order of their elements.
    async fn children(&self, of: &str, count: u64) -> Vec<State> {
        let mut children = Vec::new();
        for element in 0..count {
            let id = ids::invocation(of, "work", element, 0);
            children.extend(self.reader().state(&id).await.unwrap());
        }
        children
    }
}

fn error(end: &WorkflowEvent) -> (&str, &str) {
    let error = end.error.as_option().unwrap();
    (&error.code, &error.message)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_of_workflows_outlives_its_owner_and_puts_out_their_results() {
    let site = site();
    let worker = Worker::start_with(&site, 6, |invocation| {
        (invocation.function == "t-work").then_some(Answer::Never)
    })
    .await;
    let runtime = site.runtime("a").await;
    site.start_outer("w").await;
    site.until(|| async { site.children("w", 6).await.len() == 6 })
        .await;
    drop(worker);
    runtime.shutdown().await;

    let _worker = Worker::start(&site, 6).await;
    let runtime = site.runtime("b").await;
    let end = site.end("w").await;
    assert_eq!(end.state.as_known(), Some(WorkflowState::Succeeded));
    let doubled: Vec<u64> = site
        .results("w")
        .await
        .iter()
        .map(|value| serde_json::from_slice(&value.inline).unwrap())
        .collect();
    assert_eq!(doubled, [0, 2, 4, 6, 8, 10]);
    let parent = Parent {
        workflow: "w".into(),
        node: "work".into(),
    };
    for child in site.children("w", 6).await {
        let header = &child.header;
        assert_eq!(child.phase, Phase::Succeeded);
        assert_eq!(header.parent.as_ref(), Some(&parent));
        assert_eq!((header.depth, header.priority), (1, -7));
        assert_eq!(header.tenant, "studio");
        assert_eq!(header.attributes["title"], "heron");
    }
    runtime.shutdown().await;
}

/// What a workflow is pinned to holds for what it starts, for other tries, and for other owners.
#[tokio::test(flavor = "multi_thread")]
async fn every_try_runs_the_version_that_the_first_workflow_was_pinned_to() {
    let site = site();
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let note = |invocation: &Invocation, seen: &Mutex<BTreeSet<_>>| {
        let function = invocation.function.clone();
        let try_ = (
            function,
            invocation.function_digest.clone(),
            invocation.generation,
        );
        seen.lock().unwrap().insert(try_);
    };
    let noted = Arc::clone(&seen);
    let worker = Worker::start_with(&site, 2, move |invocation| {
        note(invocation, &noted);
        let fails = invocation.function == "t-work";
        fails.then(|| Answer::Failed(Error::function("EXIT_1", "not yet")))
    })
    .await;
    let runtime = site.runtime("a").await;
    let start = StartWorkflow {
        workflow_id: "w".into(),
        definition: "t.outer".into(),
        notify: EVENTS.into(),
        function_digests: [("t-split", "sha256/a"), ("t-work", "sha256/b")]
            .map(|(function, digest)| (function.to_owned(), digest.to_owned()))
            .into_iter()
            .collect(),
        ..Default::default()
    };
    site.send("w", "w", envelope::seal(&start)).await;
    site.until(|| async {
        seen.lock()
            .unwrap()
            .iter()
            .any(|(.., generation)| *generation > 0)
    })
    .await;
    drop(worker);
    runtime.shutdown().await;

    let noted = Arc::clone(&seen);
    let _worker = Worker::start_with(&site, 2, move |invocation| {
        note(invocation, &noted);
        None
    })
    .await;
    let runtime = site.runtime("b").await;
    let end = site.end("w").await;
    assert_eq!(end.state.as_known(), Some(WorkflowState::Succeeded));
    let seen = seen.lock().unwrap().clone();
    for (function, digest, generation) in &seen {
        let expected = match function.as_str() {
            "t-split" => "sha256/a",
            "t-work" => "sha256/b",
            _ => "",
        };
        assert_eq!(digest, expected, "{function}, try {generation}");
    }
    runtime.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_in_a_map_has_its_own_list_and_reduce_for_each_element() {
    let site = site();
    let worker = Worker::start(&site, 7).await;
    let runtime = site.runtime("a").await;
    site.start_of("w", "t.nested", Envelope::default()).await;
    let end = site.end("w").await;
    assert_eq!(end.state.as_known(), Some(WorkflowState::Succeeded));
    let inner = site.children("w", 7).await;
    for child in &inner {
        let results = site.results(&child.id).await;
        let doubled: Vec<_> = results.iter().map(|value| value.inline.to_vec()).collect();
        let expected: Vec<_> = (0..7_u64)
            .map(|n| (n * 2).to_string().into_bytes())
            .collect();
        assert_eq!(doubled, expected);
    }
    // Seven inner reduces and the outer one, whose list holds what they put out.
    assert_eq!((inner.len(), worker.calls("t-join")), (7, 8));
    let outer = site.results("w").await;
    assert!(outer.iter().all(|value| &value.inline[..] == b"\"joined\""));
    runtime.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_goes_down() {
    let site = site();
    let _worker = Worker::start_with(&site, 3, |invocation| {
        (invocation.function == "t-work").then_some(Answer::Never)
    })
    .await;
    let _runtime = site.runtime("a").await;
    site.start_outer("w").await;
    site.until(|| async { site.children("w", 3).await.len() == 3 })
        .await;
    site.cancel("w").await;
    let end = site.end("w").await;
    assert_eq!(end.state.as_known(), Some(WorkflowState::Canceled));
    site.until(|| async {
        let children = site.children("w", 3).await;
        children.iter().all(|child| child.phase == Phase::Canceled)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_fails_fails_the_one_that_waits_for_it() {
    let site = site();
    let home = site.blobs.home();
    let said = home.put("no more".into(), "text/plain").await.unwrap();
    let _worker = Worker::start_with(&site, 3, move |invocation| {
        let fails = invocation.function == "t-work" && invocation.params_json == b"1";
        let error = || Error::source("TRUNCATED", "only 3 frames decode");
        fails.then(|| Answer::Said(Err(error()), said.clone()))
    })
    .await;
    let _runtime = site.runtime("a").await;
    site.start_outer("w").await;
    let end = site.end("w").await;
    assert_eq!(end.state.as_known(), Some(WorkflowState::Failed));
    let told = "only 3 frames decode (node double, try 1) (node work, element 1, try 1)";
    assert_eq!(error(&end), ("TRUNCATED", told));
    // What failed both is told of either.
    let log = site.reader().failed_log("w").await.unwrap().unwrap();
    let child = ids::invocation("w", "work", 1, 0);
    assert_eq!((log.workflow, log.node.as_str()), (child, "double"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_starts_itself_comes_to_an_end() {
    let site = site();
    let _runtime = site.runtime("a").await;
    site.start_of("w", "t.endless", Envelope::default()).await;
    let end = site.end("w").await;
    assert_eq!(end.state.as_known(), Some(WorkflowState::Failed));
    assert_eq!(error(&end).0, "TOO_DEEP");
    let search = WorkflowSearch {
        limit: 100,
        ..WorkflowSearch::default()
    };
    let all = site.reader().find(&search).await.unwrap().unwrap().states;
    let deepest = all.iter().map(|state| state.header().depth).max();
    assert_eq!((all.len(), deepest), (9, Some(plato::limits::MAX_DEPTH)));
}
