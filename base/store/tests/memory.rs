//! The strict fake keeps the promises of a store, and a model of them.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clock::{ManualClock, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use store::conformance::{self, Subject};
use store::{Batch, KeyRange, MemoryStore, Store, StoreError};

const TTL: Duration = Duration::from_secs(60);

struct Memory {
    clock: ManualClock,
    store: MemoryStore,
}

fn clock() -> ManualClock {
    ManualClock::new(Timestamp::from_unix_ms(1_000_000))
}

#[async_trait]
impl Subject for Memory {
    async fn open(&mut self) -> Arc<dyn Store> {
        self.store = self.store.crash();
        Arc::new(self.store.handle())
    }

    async fn pass(&mut self, by: Duration) {
        self.clock.advance(by);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_conforms() {
    let clock = clock();
    let store = MemoryStore::new(Arc::new(clock.clone()));
    conformance::run(Memory { clock, store }).await;
}

#[tokio::test]
async fn a_crash_answers_nobody_with_success_and_leaves_whole_batches() {
    for seed in 0..50 {
        let store = Arc::new(MemoryStore::seeded(Arc::new(clock()), seed));
        let fence = store.acquire("s", "a", TTL).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for i in 0..10_u8 {
            let (store, fence) = (Arc::clone(&store), fence.clone());
            tasks.spawn(async move {
                let mut batch = Batch::new();
                batch.put(vec![b'l', i], "v").put(vec![b'r', i], "v");
                (i, store.commit(&fence, batch).await)
            });
        }
        for _ in 0..seed % 7 {
            tokio::task::yield_now().await;
        }
        let survivor = store.crash();
        for (i, commit) in tasks.join_all().await {
            let left = survivor.get("s", &[b'l', i]).await.unwrap();
            assert_eq!(left, survivor.get("s", &[b'r', i]).await.unwrap());
            match commit {
                Ok(()) => assert!(left.is_some()),
                Err(StoreError::Unavailable(_)) => assert!(left.is_none()),
                Err(error) => assert!(matches!(error, StoreError::Unknown(_)), "{error}"),
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<(Vec<u8>, Option<Vec<u8>>)>),
    Get(Vec<u8>),
    Range(Bound<Vec<u8>>, Option<Vec<u8>>, usize),
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![Just(0_u8), Just(1), Just(255)], 0..3)
}

fn step() -> impl Strategy<Value = Step> {
    let start = prop_oneof![
        Just(Bound::Unbounded),
        key().prop_map(Bound::Included),
        key().prop_map(Bound::Excluded),
    ];
    prop_oneof![
        vec((key(), proptest::option::of(vec(any::<u8>(), 0..4))), 0..6).prop_map(Step::Commit),
        key().prop_map(Step::Get),
        (start, proptest::option::of(key()), 0..6_usize).prop_map(|(s, e, n)| Step::Range(s, e, n)),
    ]
}

fn batch_of(ops: &[(Vec<u8>, Option<Vec<u8>>)]) -> Batch {
    let mut batch = Batch::new();
    for (key, value) in ops {
        match value {
            Some(value) => batch.put(key.clone(), value.clone()),
            None => batch.delete(key.clone()),
        };
    }
    batch
}

/// The plainest reading of the contract: look at every key.
fn in_range(key: &[u8], start: &Bound<Vec<u8>>, end: Option<&Vec<u8>>) -> bool {
    let after_start = match start {
        Bound::Included(start) => key >= &start[..],
        Bound::Excluded(start) => key > &start[..],
        Bound::Unbounded => true,
    };
    after_start && end.is_none_or(|end| key < &end[..])
}

async fn agree(steps: Vec<Step>) {
    let store = MemoryStore::new(Arc::new(clock()));
    let fence = store.acquire("s", "a", TTL).await.unwrap();
    let mut model = BTreeMap::new();
    for step in steps {
        match step {
            Step::Commit(ops) => {
                store.commit(&fence, batch_of(&ops)).await.unwrap();
                for (key, value) in ops {
                    match value {
                        Some(value) => model.insert(key, value),
                        None => model.remove(&key),
                    };
                }
            }
            Step::Get(key) => {
                let found = store.get("s", &key).await.unwrap();
                assert_eq!(found.as_deref(), model.get(&key).map(Vec::as_slice));
            }
            Step::Range(start, end, limit) => {
                let expected: Vec<_> = model
                    .iter()
                    .filter(|(key, _)| in_range(key, &start, end.as_ref()))
                    .take(limit)
                    .map(|(key, value)| (Bytes::from(key.clone()), Bytes::from(value.clone())))
                    .collect();
                let range = KeyRange {
                    start: start.map(Bytes::from),
                    end: end.map(Bytes::from),
                };
                let found = store.range("s", range, limit).await.unwrap();
                let found: Vec<_> = found
                    .into_iter()
                    .map(|entry| (entry.key, entry.value))
                    .collect();
                assert_eq!(found, expected);
            }
        }
    }
}

proptest! {
    #[test]
    fn it_agrees_with_the_model(steps in vec(step(), 0..40)) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(agree(steps));
    }
}
