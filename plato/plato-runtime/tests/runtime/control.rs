//! What people do to workflows, through crashes and restarts.

use std::collections::BTreeMap;

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
        let retry = RetryWorkflow {
            workflow_id: workflow.into(),
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
