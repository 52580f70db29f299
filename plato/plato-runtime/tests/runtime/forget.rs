//! Workflows that have ended are forgotten after a while.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use clock::SystemClock;
use plato::Phase;
use plato_runtime::{RuntimeConfig, WorkflowSearch};
use proto::plato::v1::{StartWorkflow, WorkflowState};
use store::KeyRange;
use timestone_client::{envelope, names};

use crate::site::{EVENTS, GROUPS, SERVICE, Site};
use crate::worker::{Answer, Worker};

impl Site {
    async fn start_titled(&self, workflow: &str) {
        let start = StartWorkflow {
            workflow_id: workflow.into(),
            definition: "t.demo".into(),
            notify: EVENTS.into(),
            attributes: [("title".to_owned(), "heron".to_owned())]
                .into_iter()
                .collect(),
            ..Default::default()
        };
        self.send(workflow, workflow, envelope::seal(&start)).await;
    }

    async fn titled(&self) -> Vec<String> {
        let search = WorkflowSearch {
            attributes: BTreeMap::from([("title".to_owned(), "heron".to_owned())]),
            limit: 100,
            ..WorkflowSearch::default()
        };
        let found = self.reader().find(&search).await.unwrap().unwrap();
        let mut ids: Vec<String> = found
            .states
            .iter()
            .map(|state| state.id().to_owned())
            .collect();
        ids.sort();
        ids
    }

    /// Keys of all groups that name the workflow, besides messages of the inbox.
    pub(crate) async fn keys_of(&self, workflow: &str) -> Vec<String> {
        let group = names::workflow_group(workflow, GROUPS);
        let shard = format!("plato/{SERVICE}/{group}");
        let all = self
            .store
            .range(&shard, KeyRange::prefix(b""), 10_000)
            .await;
        let keys = all.unwrap().into_iter().map(|entry| entry.key);
        let named = keys.filter(|key| {
            let names = key
                .windows(workflow.len())
                .any(|part| part == workflow.as_bytes());
            names && key[0] != b'i'
        });
        named.map(|key| key.escape_ascii().to_string()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_long_ago_leaves_nothing_and_what_lives_is_kept() {
    let site = Site::new();
    let _worker = Worker::start_with(&site, 5, |invocation| {
        let hangs = invocation.workflow == "live" && invocation.function == "t-work";
        hangs.then_some(Answer::Never)
    })
    .await;
    let runtime = site.runtime("a").await;
    let ids: Vec<String> = (0..40).map(|n| format!("old-{n:02}")).collect();
    for id in &ids {
        site.start_titled(id).await;
    }
    site.start_titled("live").await;
    for id in &ids {
        site.until(|| async {
            let state = site.reader().state(id).await.unwrap();
            state.is_some_and(|state| state.phase == Phase::Succeeded)
        })
        .await;
    }
    site.until_dispatched("live", "work").await;
    assert_eq!(site.titled().await.len(), 41);
    runtime.shutdown().await;

    let soon = RuntimeConfig {
        keep_ended: Some(Duration::ZERO),
        ..Site::config("b")
    };
    let runtime = site.runtime_with(soon, Arc::new(SystemClock)).await;
    for id in &ids {
        site.until(|| async { site.keys_of(id).await.is_empty() })
            .await;
        assert_eq!(site.reader().state(id).await.unwrap(), None);
    }
    assert_eq!(site.titled().await, ["live"]);
    assert_eq!(site.view("live").await.state.phase, Phase::Running);
    runtime.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_the_newest_are_kept() {
    let site = Site::new();
    let _worker = Worker::start(&site, 2).await;
    let runtime = site.runtime("a").await;
    let ids: Vec<String> = (0..8).map(|n| format!("w-{n}")).collect();
    // One after the other, so that the order of their ends is known.
    for id in &ids {
        site.start_titled(id).await;
        let end = site.end(id).await;
        assert_eq!(end.state.as_known(), Some(WorkflowState::Succeeded));
    }
    runtime.shutdown().await;

    let few = RuntimeConfig {
        keep_ended: None,
        keep_ended_count: Some(u64::from(GROUPS)),
        ..Site::config("b")
    };
    let runtime = site.runtime_with(few, Arc::new(SystemClock)).await;
    // One of each group: the one that ended last.
    let of = |group| {
        ids.iter()
            .rfind(|id| names::workflow_group(id, GROUPS) == group)
    };
    let mut kept: Vec<String> = (0..GROUPS).filter_map(of).cloned().collect();
    kept.sort();
    site.until(|| async { site.titled().await == kept }).await;
    runtime.shutdown().await;
}
