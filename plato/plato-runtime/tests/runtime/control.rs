//! What people do to workflows, through crashes and restarts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use errors::Error;
use plato::{Phase, Value};
use plato_runtime::WorkflowSearch;
use proto::plato::v1::{
    PauseWorkflow, ResumeWorkflow, RetryWorkflow, StartWorkflow, WorkflowState,
};
use timestone_client::envelope;

use crate::site::{Site, WORK};
use crate::worker::{Answer, Worker};

impl Site {
    async fn pause(&self, workflow: &str, id: &str) {
        let pause = PauseWorkflow {
            workflow_id: workflow.into(),
            reason: "look first".into(),
            ..Default::default()
        };
        self.send(workflow, id, envelope::seal(&pause)).await;
    }

    async fn resume(&self, workflow: &str, id: &str) {
        let resume = ResumeWorkflow {
            workflow_id: workflow.into(),
            ..Default::default()
        };
        self.send(workflow, id, envelope::seal(&resume)).await;
    }

    async fn retry(&self, workflow: &str, id: &str) {
        self.retry_from(workflow, id, None).await;
    }

    async fn retry_from(&self, workflow: &str, id: &str, node: Option<&str>) {
        let retry = RetryWorkflow {
            workflow_id: workflow.into(),
            node: node.map(str::to_owned),
            ..Default::default()
        };
        self.send(workflow, id, envelope::seal(&retry)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_comes_with_its_start_outlives_a_restart() {
    let site = Site::new();
    let worker = Worker::start(&site, 10).await;
    site.start("w").await;
    site.pause("w", "w/pause").await;
    let runtime = site.runtime("a").await;
    site.until(|| async {
        let view = site.reader().workflow("w").await.unwrap();
        view.is_some_and(|view| view.state.paused.is_some())
    })
    .await;
    runtime.shutdown().await;
    let calls = worker.calls("t-split");

    let runtime = site.runtime("a").await;
    site.until_empty("w").await;
    assert_eq!(
        site.view("w").await.state.paused.as_deref(),
        Some("look first")
    );
    assert_eq!(worker.calls("t-split"), calls);
    site.resume("w", "w/resume").await;
    let end = site.end("w").await;
    assert_eq!(end.state.as_known(), Some(WorkflowState::Succeeded));
    runtime.shutdown().await;
}

/// A map, wider than is read at a time, and the reduce after it: they run again, and only they.
#[tokio::test(flavor = "multi_thread")]
async fn a_map_runs_again_with_what_follows_it() {
    let site = Site::new();
    let is_second = Arc::new(AtomicBool::new(false));
    let second = Arc::clone(&is_second);
    let worker = Worker::start_with(&site, 1_500, move |invocation| {
        let is_other = invocation.function == "t-work" && second.load(Ordering::SeqCst);
        is_other.then(|| Answer::Done(Value::inline("7")))
    })
    .await;
    let runtime = site.runtime("a").await;
    site.start("w").await;
    site.end("w").await;
    let sevens = |results: &[Value]| results.iter().all(|result| *result == Value::inline("7"));
    let (before, results) = (site.view("w").await.state, site.results("w").await);
    assert_eq!((before.phase, results.len()), (Phase::Succeeded, 1_500));
    assert!(!sevens(&results));

    is_second.store(true, Ordering::SeqCst);
    site.retry_from("w", "w/again", Some("work")).await;
    // The same message again is nothing new; an owner that comes in between goes on with it.
    site.retry_from("w", "w/again", Some("work")).await;
    site.until(|| async { site.view("w").await.state.retries == 1 })
        .await;
    runtime.shutdown().await;
    let runtime = site.runtime("b").await;
    site.until(|| async { site.view("w").await.state.phase == Phase::Succeeded })
        .await;
    let (after, results) = (site.view("w").await, site.results("w").await);
    assert_eq!((after.state.retries, results.len()), (1, 1_500));
    assert!(sevens(&results), "what an earlier run came to is not kept");
    assert_eq!(after.output, Some(Value::inline("\"joined\"")));
    let node = &after.state.nodes[WORK.index()];
    assert_eq!((node.run(), node.done()), (1, 1_500));
    let recorded = site.recorded("w").await;
    assert!(recorded.len() == 1_500 && recorded.values().all(|count| *count == 2));
    assert_eq!((worker.calls("t-split"), worker.calls("t-join")), (1, 2));
    let rows = site.reader().results("w", WORK, 0, 8).await.unwrap();
    assert!(rows.is_empty(), "they are in the list");
    runtime.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn results_of_a_map_that_had_not_ended_are_of_no_second_run() {
    let site = Site::new();
    let is_second = Arc::new(AtomicBool::new(false));
    let second = Arc::clone(&is_second);
    let _worker = Worker::start_with(&site, 8, move |invocation| {
        let is_second = second.load(Ordering::SeqCst);
        match (invocation.function.as_str(), invocation.element) {
            ("t-work", _) if is_second => Some(Answer::Done(Value::inline("7"))),
            ("t-work", 5) => Some(Answer::Failed(Error::user("WRONG", "no such thing"))),
            _ => None,
        }
    })
    .await;
    let runtime = site.runtime("a").await;
    site.start("w").await;
    let end = site.end("w").await;
    assert_eq!(end.state.as_known(), Some(WorkflowState::Failed));
    is_second.store(true, Ordering::SeqCst);
    site.retry_from("w", "w/again", Some("split")).await;
    site.until(|| async { site.view("w").await.state.phase == Phase::Succeeded })
        .await;
    let results = site.results("w").await;
    assert_eq!(results, vec![Value::inline("7"); 8]);
    runtime.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_goes_on_where_it_failed() {
    let site = Site::new();
    let worker = Worker::start_with(&site, 8, |invocation| {
        let fails = invocation.function == "t-work"
            && invocation.element == 5
            && invocation.generation == 0;
        fails.then(|| Answer::Failed(Error::user("WRONG", "no such thing")))
    })
    .await;
    let runtime = site.runtime("a").await;
    site.start("w").await;
    assert_eq!(
        site.end("w").await.state.as_known(),
        Some(WorkflowState::Failed)
    );
    let kept = site.view("w").await.state.nodes[WORK.index()].done();

    // Whoever owns it then.
    runtime.shutdown().await;
    let runtime = site.runtime("b").await;
    site.retry("w", "w/retry").await;
    // The same message again, and another one, change nothing.
    site.retry("w", "w/retry").await;
    site.retry("w", "w/retry-2").await;
    site.until(|| async { site.view("w").await.state.phase == Phase::Succeeded })
        .await;
    let state = site.view("w").await.state;
    assert_eq!((state.retries, state.nodes[WORK.index()].done()), (1, 8));
    let recorded = site.recorded("w").await;
    assert_eq!(recorded, (0..8).map(|element| (element, 1)).collect());
    assert_eq!(worker.calls("t-split"), 1);
    assert!(
        u64::from(worker.calls("t-work")) <= 8 + (8 - kept),
        "what was done is kept"
    );
    runtime.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workflows_are_found_page_by_page() {
    let site = Site::new();
    let _worker = Worker::start(&site, 2).await;
    let runtime = site.runtime("a").await;
    let ids: Vec<String> = (0..12).map(|n| format!("w{n:02}")).collect();
    for (number, id) in ids.iter().enumerate() {
        let start = StartWorkflow {
            workflow_id: id.clone(),
            definition: "t.demo".into(),
            attributes: [("parity".to_owned(), (number % 2).to_string())]
                .into_iter()
                .collect(),
            ..Default::default()
        };
        site.send(id, id, envelope::seal(&start)).await;
    }
    for id in &ids {
        site.until(|| async {
            let view = site.reader().workflow(id).await.unwrap();
            view.is_some_and(|view| view.state.phase == Phase::Succeeded)
        })
        .await;
    }
    let all = WorkflowSearch {
        limit: 5,
        ..WorkflowSearch::default()
    };
    assert_eq!(found(&site, all.clone()).await, ids);
    let odd = WorkflowSearch {
        attributes: BTreeMap::from([("parity".to_owned(), "1".to_owned())]),
        phases: vec![Phase::Succeeded],
        ..all.clone()
    };
    let expected: Vec<_> = ids.iter().skip(1).step_by(2).cloned().collect();
    assert_eq!(found(&site, odd.clone()).await, expected);
    let running = WorkflowSearch {
        phases: vec![Phase::Running],
        ..odd
    };
    assert_eq!(found(&site, running).await, [""; 0]);
    let wrong = WorkflowSearch {
        cursor: Value::inline("x").inline,
        ..all
    };
    assert_eq!(site.reader().find(&wrong).await.unwrap(), None);
    runtime.shutdown().await;
}

/// Every workflow that is meant, sorted.
async fn found(site: &Site, mut search: WorkflowSearch) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let page = site.reader().find(&search).await.unwrap().unwrap();
        assert!(page.states.len() <= search.limit);
        found.extend(page.states.into_iter().map(|state| state.id().to_owned()));
        match page.next {
            Some(next) => search.cursor = next,
            None => break,
        }
    }
    found.sort();
    found
}

/// A process that knows a definition which was not known when the workflow was refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_never_began_is_not_taken_up() {
    let site = Site::new();
    let older = site.with_registry(plato::Registry::new());
    let runtime = older.runtime("a").await;
    older.start("w").await;
    let end = older.end("w").await;
    assert_eq!(end.state.as_known(), Some(WorkflowState::Failed));
    runtime.shutdown().await;

    let _worker = Worker::start(&site, 2).await;
    let runtime = site.runtime("b").await;
    site.retry("w", "w/retry").await;
    site.retry_from("w", "w/retry-from", Some("split")).await;
    // Its owner is none the worse for it, whichever of these it owns too.
    let others = ["w1", "w2", "w3", "w4", "w5", "w6"];
    for other in others {
        site.start(other).await;
    }
    site.ends(others).await;
    let state = site.view("w").await.state;
    assert_eq!((state.phase, state.retries), (Phase::Failed, 0));
    runtime.shutdown().await;
}
