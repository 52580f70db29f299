//! Stores that fail.

use std::sync::Arc;
use std::time::Duration;

use clock::SystemClock;
use plato_runtime::{PlatoRuntime, RuntimeConfig};
use proto::plato::v1::WorkflowState;
use store::{Call, Fault, FaultStore, MemoryStore};
use tokio::sync::Notify;

use crate::site::{Site, registry};
use crate::worker::Worker;

fn faulty(seed: u64, one_in: u64) -> Arc<FaultStore<MemoryStore>> {
    faulty_over(memory(), seed, one_in)
}

fn memory() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(Arc::new(SystemClock)))
}

fn faulty_over(store: Arc<MemoryStore>, seed: u64, one_in: u64) -> Arc<FaultStore<MemoryStore>> {
    Arc::new(match one_in {
        0 => FaultStore::new(store),
        _ => FaultStore::seeded(store, seed, one_in),
    })
}

/// A process is started again until it starts.
async fn start(site: &Site) -> PlatoRuntime {
    start_with(site, false).await
}

async fn start_with(site: &Site, queue_in_store: bool) -> PlatoRuntime {
    loop {
        let config = RuntimeConfig {
            ttl: Duration::from_millis(600),
            queue_in_store,
            ..Site::config("a")
        };
        let (store, client) = (Arc::clone(&site.store), site.client.clone());
        let (blobs, registry) = (site.blobs.clone(), Arc::clone(&site.registry));
        let clock = Arc::new(SystemClock);
        if let Ok(runtime) =
            PlatoRuntime::start(config, store, client, blobs, registry, clock).await
        {
            return runtime;
        }
    }
}

async fn assert_once(site: &Site, store: &FaultStore<MemoryStore>, count: u64) {
    let end = site.end("w").await;
    store.mend();
    assert_eq!(
        end.state.as_known(),
        Some(WorkflowState::Succeeded),
        "{end:?}"
    );
    let once: Vec<(u64, usize)> = (0..count).map(|element| (element, 1)).collect();
    assert_eq!(
        site.recorded("w").await.into_iter().collect::<Vec<_>>(),
        once
    );
    assert_eq!(site.results("w").await.len() as u64, count);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_now_and_then_only_costs_time() {
    for seed in 0..4 {
        let store = faulty(seed, 12);
        let site = Site::over(store.clone(), registry());
        let _worker = Worker::start(&site, 120).await;
        let runtime = start(&site).await;
        site.start("w").await;
        assert_once(&site, &store, 120).await;
        runtime.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_holds_the_queue_as_well_may_fail_now_and_then() {
    for seed in 0..4 {
        // What fails is the way of the workflows to it.
        let queue = memory();
        let store = faulty_over(Arc::clone(&queue), seed, 12);
        let site = Site::of(store.clone(), queue, registry());
        let _worker = Worker::start(&site, 120).await;
        let runtime = start_with(&site, true).await;
        site.start("w").await;
        assert_once(&site, &store, 120).await;
        runtime.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_takes_effect_late_cannot_undo_what_came_after() {
    let store = faulty(0, 0);
    let site = Site::over(store.clone(), registry());
    let _worker = Worker::start(&site, 40).await;
    let runtime = start(&site).await;
    let late = Arc::new(Notify::new());
    store.script(
        Call::Commit,
        (0..30).map(|n| match n % 7 {
            6 => Fault::UnknownLate(Arc::clone(&late)),
            _ => Fault::None,
        }),
    );
    site.start("w").await;
    site.until_recorded("w", 30).await;
    late.notify_waiters();
    assert_once(&site, &store, 40).await;
    runtime.shutdown().await;
}
