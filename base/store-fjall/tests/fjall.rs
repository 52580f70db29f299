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
        ..Options::default()
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_conforms_with_a_thread_that_commits_everything() {
    conformance::run(Fjall::new(Options {
        in_place: false,
        ..Options::default()
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

/// A payload of several pages, so that one of them can be missing alone.
const PAGES: usize = 5 * 4_096;

/// Writes three batches; the journal they are in, and the value of each.
async fn journal(path: &Path) -> (std::path::PathBuf, [Vec<u8>; 3]) {
    let values = [b'a', b'b', b'c'].map(|byte| vec![byte; PAGES]);
    let store = open(path).unwrap();
    let fence = store.acquire("shard", "me", TTL).await.unwrap();
    for value in &values {
        let mut batch = Batch::new();
        batch.put(vec![value[0]], value.clone());
        store.commit(&fence, batch).await.unwrap();
    }
    drop(store);
    let entries = std::fs::read_dir(path.join("db")).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    let journal = paths.find(|path| path.extension().is_some_and(|of| of == "jnl"));
    (journal.unwrap(), values)
}

/// Makes a page in the middle of `value` one that was never written.
fn lose_a_page(journal: &Path, value: &[u8]) {
    let mut bytes = std::fs::read(journal).unwrap();
    let at = bytes.windows(PAGES).position(|window| window == value);
    let page = at.unwrap().next_multiple_of(4_096);
    bytes[page..page + 4_096].fill(0);
    std::fs::write(journal, bytes).unwrap();
}

#[tokio::test]
async fn a_batch_that_a_power_cut_tore_is_cut_off() {
    let directory = TempDir::new().unwrap();
    let (journal, values) = journal(directory.path()).await;
    lose_a_page(&journal, &values[2]);
    let store = open(directory.path()).unwrap();
    for value in &values[..2] {
        let read = store.get("shard", &value[..1]).await.unwrap();
        assert_eq!(read.as_deref(), Some(&value[..]));
    }
    assert_eq!(store.get("shard", b"c").await.unwrap(), None);
    let fence = store.acquire("shard", "next", TTL).await;
    assert!(fence.is_ok(), "{fence:?}");
    let left = std::fs::read_dir(directory.path().join("db")).unwrap();
    let mut left = left.map(|entry| entry.unwrap().path());
    assert!(left.all(|path| path.extension().is_none_or(|of| of != "found")));
}

#[tokio::test]
async fn a_damaged_batch_before_the_last_is_refused_and_left_alone() {
    let directory = TempDir::new().unwrap();
    let (journal, values) = journal(directory.path()).await;
    lose_a_page(&journal, &values[1]);
    let found = std::fs::read(&journal).unwrap();
    for _ in 0..2 {
        let refused = open(directory.path()).unwrap_err();
        assert!(matches!(refused, StoreError::Corrupt(_)), "{refused}");
        assert!(std::fs::read(&journal).unwrap() == found);
    }
}
