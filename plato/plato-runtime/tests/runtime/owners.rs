//! Several processes over one store, and processes that come and go.

use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, ManualClock, SystemClock};
use plato_runtime::{PlatoRuntime, RuntimeConfig, StartError};
use proto::plato::v1::WorkflowState;

use crate::site::Site;
use crate::worker::Worker;

async fn assert_once(site: &Site, workflow: &str, count: u64) {
    let end = site.end(workflow).await;
    assert_eq!(
        end.state.as_known(),
        Some(WorkflowState::Succeeded),
        "{end:?}"
    );
    let once: Vec<(u64, usize)> = (0..count).map(|element| (element, 1)).collect();
    assert_eq!(
        site.recorded(workflow)
            .await
            .into_iter()
            .collect::<Vec<_>>(),
        once
    );
    assert_eq!(site.results(workflow).await.len() as u64, count);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_the_middle_changes_nothing() {
    let site = Site::new();
    let worker = Worker::start(&site, 400).await;
    let mut runtime = site.runtime("a").await;
    site.start("w").await;
    for done in [50, 150, 300] {
        site.until_recorded("w", done).await;
        runtime.shutdown().await;
        runtime = site.runtime("a").await;
    }
    assert_once(&site, "w", 400).await;
    assert_eq!(worker.calls("t-work"), 400);
    runtime.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_the_middle_changes_nothing() {
    let site = Arc::new(Site::new());
    let worker = Worker::start(&site, 400).await;
    site.start("w").await;
    for done in [1, 100, 200, 300] {
        let process = Process::start(&site).await;
        site.until_recorded("w", done).await;
        process.crash();
    }
    let _runtime = site.runtime("a").await;
    assert_once(&site, "w", 400).await;
    assert_eq!(worker.calls("t-work"), 400);
}

/// A runtime on threads of its own, which all end at once.
struct Process {
    threads: tokio::runtime::Runtime,
    _runtime: PlatoRuntime,
}

impl Process {
    async fn start(site: &Arc<Site>) -> Self {
        let threads = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let site = Arc::clone(site);
        let runtime = threads.spawn(async move { site.runtime("a").await });
        Self {
            _runtime: runtime.await.unwrap(),
            threads,
        }
    }

    fn crash(self) {
        self.threads.shutdown_background();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_paused_past_its_epoch_is_fenced() {
    let site = Site::new();
    // Its clock stands still: it neither renews nor meets the others, but goes on working.
    let stopped = Arc::new(ManualClock::new(SystemClock.now()));
    let paused = site.runtime_with(Site::config("paused"), stopped).await;
    site.start("w").await;
    site.until_dispatched("w", "split").await;
    let other = site.runtime("other").await;
    site.until(|| async { other.counts().recoveries == 2 })
        .await;
    // Both now pull from the same inboxes; what the paused one gets, it must give back.
    let worker = Worker::start(&site, 300).await;
    assert_once(&site, "w", 300).await;
    assert_eq!(worker.calls("t-work"), 300);
    site.until(|| async {
        site.start_again("w").await;
        paused.counts().fenced > 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_the_groups() {
    let site = Site::new();
    let _worker = Worker::start(&site, 50).await;
    let first = site.runtime("first").await;
    site.until(|| async { first.counts().recoveries == 2 })
        .await;
    let second = site.runtime("second").await;
    site.until(|| async { second.counts().recoveries == 1 })
        .await;
    let workflows = ["w1", "w2", "w3", "w4"];
    for workflow in workflows {
        site.start(workflow).await;
    }
    site.ends(workflows).await;
    // When one goes, the other takes what it had.
    second.shutdown().await;
    site.until(|| async { first.counts().recoveries == 3 })
        .await;
    first.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_number_of_groups_is_refused() {
    let site = Site::new();
    site.runtime("a").await.shutdown().await;
    let config = RuntimeConfig {
        groups: 3,
        ..Site::config("b")
    };
    let (store, client) = (Arc::clone(&site.store), site.client.clone());
    let (blobs, registry) = (site.blobs.clone(), Arc::clone(&site.registry));
    let started = PlatoRuntime::start(
        config,
        store,
        client,
        blobs,
        registry,
        Arc::new(SystemClock),
    )
    .await;
    assert!(matches!(
        started.err(),
        Some(StartError::OtherGroups {
            recorded: 2,
            configured: 3,
            ..
        })
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_left_alone_by_a_process_that_lacks_its_definitions() {
    let site = Site::new();
    let runtime = site.runtime("a").await;
    site.start("w").await;
    site.until_dispatched("w", "split").await;
    runtime.shutdown().await;
    let empty = site.with_registry(plato::Registry::new());
    let config = RuntimeConfig {
        ttl: Duration::from_millis(300),
        ..Site::config("b")
    };
    let ignorant = empty.runtime_with(config, Arc::new(SystemClock)).await;
    let _worker = Worker::start(&site, 3).await;
    // The other group holds nothing, so it can be owned.
    site.until(|| async { ignorant.counts().recoveries >= 1 })
        .await;
    ignorant.shutdown().await;
    let _runtime = site.runtime("a").await;
    assert_once(&site, "w", 3).await;
}
