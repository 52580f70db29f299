//! Injected faults do what they say.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use clock::{ManualClock, Timestamp};
use store::{Batch, Call, Fault, FaultStore, Fence, KeyRange, MemoryStore, Store, StoreError};
use tokio::sync::Notify;

const TTL: Duration = Duration::from_secs(60);

fn memory() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(Arc::new(ManualClock::new(
        Timestamp::from_unix_ms(0),
    ))))
}

async fn faulty() -> (FaultStore<MemoryStore>, Fence) {
    let store = FaultStore::new(memory());
    let fence = store.acquire("s", "a", TTL).await.unwrap();
    (store, fence)
}

fn put(key: &'static str) -> Batch {
    let mut batch = Batch::new();
    batch.put(key, "v");
    batch
}

async fn holds(store: &impl Store, key: &str) -> bool {
    store.get("s", key.as_bytes()).await.unwrap().is_some()
}

#[tokio::test]
async fn scripted_faults_come_in_order() {
    let (store, fence) = faulty().await;
    store.script(
        Call::Commit,
        [
            Fault::Unavailable,
            Fault::UnknownApplied,
            Fault::None,
            Fault::UnknownLost,
        ],
    );
    let refused = store.commit(&fence, put("refused")).await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
    let applied = store.commit(&fence, put("applied")).await;
    assert!(
        matches!(applied, Err(StoreError::Unknown(_))),
        "{applied:?}"
    );
    store.commit(&fence, put("passed")).await.unwrap();
    let lost = store.commit(&fence, put("lost")).await;
    assert!(matches!(lost, Err(StoreError::Unknown(_))), "{lost:?}");
    store.commit(&fence, put("after")).await.unwrap();

    let expected = [
        ("refused", false),
        ("applied", true),
        ("passed", true),
        ("lost", false),
        ("after", true),
    ];
    for (key, held) in expected {
        assert_eq!(holds(&store, key).await, held, "{key}");
    }
    assert_eq!(store.calls(Call::Commit), 5);
}

#[tokio::test]
async fn an_unknown_answer_does_not_hide_a_stale_fence() {
    let (store, stale) = faulty().await;
    store.acquire("s", "a", TTL).await.unwrap();
    store.script(Call::Commit, [Fault::UnknownApplied]);
    let commit = store.commit(&stale, put("k")).await;
    assert!(
        matches!(commit, Err(StoreError::Fenced { .. })),
        "{commit:?}"
    );
}

#[tokio::test]
async fn a_delayed_call_waits_for_its_notice() {
    let (store, fence) = faulty().await;
    let (store, start) = (Arc::new(store), Arc::new(Notify::new()));
    store.script(Call::Commit, [Fault::Delay(Arc::clone(&start))]);
    let task = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.commit(&fence, put("k")).await })
    };
    while store.calls(Call::Commit) == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!holds(&*store, "k").await);
    start.notify_one();
    task.await.unwrap().unwrap();
    assert!(holds(&*store, "k").await);
}

/// What makes acquiring again necessary after an unknown outcome.
#[tokio::test]
async fn a_late_commit_lands_unless_the_shard_was_acquired_again() {
    for acquired_again in [false, true] {
        let (store, fence) = faulty().await;
        let arrives = Arc::new(Notify::new());
        store.script(Call::Commit, [Fault::UnknownLate(Arc::clone(&arrives))]);
        let commit = store.commit(&fence, put("late")).await;
        assert!(matches!(commit, Err(StoreError::Unknown(_))), "{commit:?}");
        if acquired_again {
            store.acquire("s", "a", TTL).await.unwrap();
        }
        assert!(!holds(&store, "late").await);
        arrives.notify_one();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(holds(&store, "late").await, !acquired_again);
    }
}

#[tokio::test]
async fn a_cut_ends_everything_until_it_is_mended() {
    let (store, fence) = faulty().await;
    let snapshot = store.snapshot("s").await.unwrap();
    store.script(Call::Commit, [Fault::Cut]);
    let commit = store.commit(&fence, put("k")).await;
    assert!(matches!(commit, Err(StoreError::Unknown(_))), "{commit:?}");
    assert!(matches!(store.now().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(
        snapshot.get(b"k").await,
        Err(StoreError::Unavailable(_))
    ));
    let range = store.range("s", KeyRange::all(), 1).await;
    assert!(
        matches!(range, Err(StoreError::Unavailable(_))),
        "{range:?}"
    );
    store.mend();
    assert!(!holds(&store, "k").await);
    store.commit(&fence, put("k")).await.unwrap();
}

#[tokio::test]
async fn any_store_can_be_wrapped() {
    let inner: Arc<dyn Store> = memory();
    let store: Arc<dyn Store> = Arc::new(FaultStore::new(inner));
    let fence = store.acquire("s", "a", TTL).await.unwrap();
    store.commit(&fence, put("k")).await.unwrap();
}

#[tokio::test]
async fn the_same_seed_gives_the_same_faults() {
    let outcomes = |seed| async move {
        let inner = memory();
        let fence = inner.acquire("s", "a", TTL).await.unwrap();
        let store = FaultStore::seeded(inner, seed, 4);
        let mut outcomes = Vec::new();
        for _ in 0..100 {
            outcomes.push(format!("{:?}", store.commit(&fence, put("k")).await));
        }
        outcomes
    };
    let first = outcomes(7).await;
    assert_eq!(first, outcomes(7).await);
    assert_ne!(first, outcomes(8).await);
    for kind in ["Ok", "Unavailable", "Unknown"] {
        assert!(
            first.iter().any(|outcome| outcome.contains(kind)),
            "no {kind} in 100 calls"
        );
    }
}
