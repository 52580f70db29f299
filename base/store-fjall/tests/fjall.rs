//! The embedded store keeps the promises of a store, and its own.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use clock::{Clock, ManualClock, Timestamp};
use store::conformance::{self, Subject};
use store::{Batch, KeyRange, Store, StoreError};
use store_fjall::{FjallStore, Options};
use tempfile::TempDir;

const TTL: Duration = Duration::from_secs(3_600);

struct Fjall {
    directory: TempDir,
    clock: ManualClock,
    options: Options,
}

impl Fjall {
    fn new(options: Options) -> Self {
        let clock = ManualClock::new(Timestamp::from_unix_ms(1_000_000));
        Self {
            directory: TempDir::new().unwrap(),
            clock,
            options,
        }
    }
}

#[async_trait]
impl Subject for Fjall {
    async fn open(&mut self) -> Arc<dyn Store> {
        let clock = Arc::new(self.clock.clone());
        Arc::new(FjallStore::open_with(self.directory.path(), clock, self.options).unwrap())
    }

    async fn pass(&mut self, by: Duration) {
        self.clock.advance(by);
    }
}

fn open(path: &Path) -> Result<FjallStore, StoreError> {
    FjallStore::open(path, Arc::new(clock::SystemClock))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_conforms() {
    conformance::run(Fjall::new(Options::default())).await;
}

/// Small memory, so that tables are written and merged all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_conforms_with_little_memory() {
    conformance::run(Fjall::new(Options {
        memtable_bytes: 4_096,
        cache_bytes: 65_536,
    }))
    .await;
}

#[tokio::test]
async fn a_second_opener_is_told_which_directory_is_in_use() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("deep/er");
    let first = open(&path).unwrap();
    let error = open(&path).unwrap_err();
    assert!(
        matches!(&error, StoreError::Unavailable(why)
        if why.contains(path.to_str().unwrap()) && why.contains("in use")),
        "{error}"
    );
    drop(first);
    open(&path).unwrap();
}

#[tokio::test]
async fn shards_of_an_earlier_process_are_free_at_once() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    let first = store.acquire("s", "before", TTL).await.unwrap();
    assert!(matches!(
        store.acquire("s", "other", TTL).await,
        Err(StoreError::Owned { .. })
    ));
    drop(store);
    let store = open(directory.path()).unwrap();
    let second = store.acquire("s", "after", TTL).await.unwrap();
    assert_eq!(second.epoch, first.epoch + 1);
    let late = store.commit(&first, Batch::new()).await;
    assert!(matches!(late, Err(StoreError::Fenced { .. })), "{late:?}");
}

#[tokio::test]
async fn what_a_cut_off_creation_left_is_replaced() {
    let directory = TempDir::new().unwrap();
    let aside = directory.path().join("db.new");
    std::fs::create_dir_all(aside.join("keyspaces/0")).unwrap();
    std::fs::write(aside.join("0.jnl"), b"half").unwrap();
    let store = open(directory.path()).unwrap();
    assert!(!aside.exists());
    assert!(
        store
            .range("s", KeyRange::all(), 1)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_snapshot_outlives_its_store() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    let fence = store.acquire("s", "a", TTL).await.unwrap();
    let mut batch = Batch::new();
    batch.put("k", "v");
    store.commit(&fence, batch).await.unwrap();
    let snapshot = store.snapshot("s").await.unwrap();
    drop(store);
    assert_eq!(
        snapshot.get(b"k").await.unwrap().as_deref(),
        Some(&b"v"[..])
    );
    assert!(open(directory.path()).is_err());
    drop(snapshot);
    open(directory.path()).unwrap();
}

#[tokio::test]
async fn the_time_is_the_clocks() {
    let fjall = &mut Fjall::new(Options::default());
    let store = fjall.open().await;
    assert_eq!(store.now().await.unwrap(), fjall.clock.now());
}
