//! The shared store keeps the promises of a store, and its own.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use store::conformance::{self, Subject};
use store::{Batch, Fence, KeyRange, Store, StoreError};
use store_postgres::PostgresStore;
use store_postgres::testing::{Cluster, Programs};
use tokio::sync::watch;
use tokio::task::{JoinSet, block_in_place};

const TTL: Duration = Duration::from_secs(3_600);

/// A server, or a loud word that there is none.
fn cluster() -> Option<Cluster> {
    match Programs::find() {
        Ok(programs) => Some(Cluster::start(&programs).unwrap()),
        Err(why) => {
            corpus::skip("the PostgreSQL store", &why);
            None
        }
    }
}

async fn connect(cluster: &Cluster) -> PostgresStore {
    PostgresStore::connect(&cluster.config()).await.unwrap()
}

fn put(key: &str) -> Batch {
    let mut batch = Batch::new();
    batch.put(key.to_owned(), "v");
    batch
}

struct Postgres(Cluster);

#[async_trait]
impl Subject for Postgres {
    async fn open(&mut self) -> Arc<dyn Store> {
        Arc::new(connect(&self.0).await)
    }

    async fn pass(&mut self, by: Duration) {
        let store = self.open().await;
        let start = store.now().await.unwrap();
        while store.now().await.unwrap().since(start) < by {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_conforms() {
    if let Some(cluster) = cluster() {
        conformance::run(Postgres(cluster)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_may_create_the_tables_at_once() {
    let Some(cluster) = cluster() else { return };
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let config = cluster.config();
        tasks.spawn(async move { PostgresStore::connect(&config).await });
    }
    for store in tasks.join_all().await {
        store.unwrap().now().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_fence_each_other() {
    let Some(cluster) = cluster() else { return };
    let (left, right) = (connect(&cluster).await, connect(&cluster).await);
    let old = left.acquire("s", "left", Duration::ZERO).await.unwrap();
    left.commit(&old, put("before")).await.unwrap();
    let new = right.acquire("s", "right", TTL).await.unwrap();
    let late = left.commit(&old, put("late")).await;
    assert!(
        matches!(late, Err(StoreError::Fenced { held: 1, .. })),
        "{late:?}"
    );
    right.commit(&new, put("after")).await.unwrap();
    let entries = left.range("s", KeyRange::all(), 9).await.unwrap();
    let keys: Vec<_> = entries.iter().map(|entry| &entry.key[..]).collect();
    assert_eq!(keys, [&b"after"[..], b"before"]);
}

/// Owners change while commits run; what an owner was told is there is there,
/// and nothing of it comes after the next owner's first look.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_commit_lands_after_the_next_owner_has_looked() {
    let Some(cluster) = cluster() else { return };
    let (writer, taker) = (Arc::new(connect(&cluster).await), connect(&cluster).await);
    for round in 0..20 {
        let shard = format!("round-{round}");
        let fence = writer
            .acquire(&shard, "writer", Duration::ZERO)
            .await
            .unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for i in 0..40 {
            let (writer, fence) = (Arc::clone(&writer), fence.clone());
            tasks.spawn(async move { (i, writer.commit(&fence, put(&format!("{i:02}"))).await) });
        }
        taker.acquire(&shard, "taker", TTL).await.unwrap();
        let seen = taker.range(&shard, KeyRange::all(), 99).await.unwrap();
        for (i, commit) in tasks.join_all().await {
            let there = seen.iter().any(|entry| entry.key == format!("{i:02}"));
            assert_eq!(commit.is_ok(), there, "commit {i}: {commit:?}");
        }
        assert_eq!(
            taker.range(&shard, KeyRange::all(), 99).await.unwrap(),
            seen
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_server_is_found_again() {
    let Some(mut cluster) = cluster() else { return };
    let store = Arc::new(connect(&cluster).await);
    let fence = store.acquire("s", "a", TTL).await.unwrap();
    store.commit(&fence, put("before")).await.unwrap();

    cluster.server().stop().unwrap();
    let lost = store.commit(&fence, put("during")).await;
    assert!(
        lost.as_ref().is_err_and(StoreError::is_retryable),
        "{lost:?}"
    );
    let refused = store.get("s", b"before").await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );

    cluster.server().restart().unwrap();
    while let Err(error) = store.commit(&fence, put("after")).await {
        assert!(error.is_retryable(), "{error}");
    }
    for key in ["before", "after"] {
        assert!(
            store.get("s", key.as_bytes()).await.unwrap().is_some(),
            "{key}"
        );
    }
}

/// Commits until told to stop, each again until it is acknowledged; how many were.
async fn commit_on(
    store: Arc<PostgresStore>,
    writer: usize,
    acknowledged: watch::Sender<u32>,
    mut stop: watch::Receiver<bool>,
) {
    let shard = format!("writer-{writer}");
    let fence = store.acquire(&shard, "w", TTL).await.unwrap();
    while !*stop.borrow_and_update() {
        let key = format!("{:06}", *acknowledged.borrow());
        while let Err(error) = store.commit(&fence, put(&key)).await {
            assert!(error.is_retryable(), "{error}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        acknowledged.send_modify(|count| *count += 1);
    }
}

/// Whoever administers the database restarts it while it is used.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_under_load_loses_nothing_that_was_acknowledged() {
    const WRITERS: usize = 8;
    let Some(mut cluster) = cluster() else { return };
    let store = Arc::new(connect(&cluster).await);
    let (stop, stopped) = watch::channel(false);
    let (mut writers, mut counts) = (JoinSet::new(), Vec::new());
    for writer in 0..WRITERS {
        let (count, counted) = watch::channel(0);
        counts.push(counted);
        writers.spawn(commit_on(store.clone(), writer, count, stopped.clone()));
    }
    progress(&mut counts).await;
    block_in_place(|| {
        cluster.server().stop().unwrap();
        cluster.server().restart().unwrap();
    });
    progress(&mut counts).await;
    stop.send(true).unwrap();
    writers.join_all().await;
    for (writer, count) in counts.iter().enumerate() {
        let shard = format!("writer-{writer}");
        let found = store.range(&shard, KeyRange::all(), 1_000_000).await;
        assert_eq!(found.unwrap().len(), *count.borrow() as usize, "{shard}");
    }
}

/// Returns when every writer has had some more commits acknowledged.
async fn progress(counts: &mut [watch::Receiver<u32>]) {
    for count in counts {
        let enough = *count.borrow() + 5;
        count.wait_for(|count| *count >= enough).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_snapshot_leaves_no_transaction_open() {
    let Some(cluster) = cluster() else { return };
    let store = connect(&cluster).await;
    let (client, connection) = tokio_postgres::connect(&cluster.config(), tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    let open = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'";
    let snapshots = [
        store.snapshot("s").await.unwrap(),
        store.snapshot("s").await.unwrap(),
    ];
    assert_eq!(
        client.query_one(open, &[]).await.unwrap().get::<_, i64>(0),
        2
    );
    drop(snapshots);
    while client.query_one(open, &[]).await.unwrap().get::<_, i64>(0) > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weak_server_defaults_do_not_weaken_a_commit() {
    let Some(cluster) = cluster() else { return };
    let (client, connection) = tokio_postgres::connect(&cluster.config(), tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
        .batch_execute(
            "ALTER DATABASE postgres SET synchronous_commit = off;
             ALTER DATABASE postgres SET default_transaction_isolation = 'serializable'",
        )
        .await
        .unwrap();
    let settings = "
        CREATE SCHEMA probe; CREATE TABLE probe.seen (name text, setting text);
        CREATE FUNCTION probe.look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO probe.seen SELECT name, setting FROM pg_settings
            WHERE name IN ('synchronous_commit', 'transaction_isolation');
            RETURN NULL; END $$;
        CREATE TRIGGER look AFTER INSERT ON cosmos.store_record EXECUTE FUNCTION probe.look()";
    let store = connect(&cluster).await;
    client.batch_execute(settings).await.unwrap();
    let fence = store.acquire("s", "a", TTL).await.unwrap();
    store.commit(&fence, put("k")).await.unwrap();
    let seen = client
        .query("SELECT setting FROM probe.seen ORDER BY name", &[])
        .await
        .unwrap();
    let seen: Vec<String> = seen.iter().map(|row| row.get(0)).collect();
    assert_eq!(seen, ["on", "read committed"]);
}

#[tokio::test]
async fn newer_tables_are_refused() {
    let Some(cluster) = cluster() else { return };
    drop(connect(&cluster).await);
    let (client, connection) = tokio_postgres::connect(&cluster.config(), tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
        .batch_execute("UPDATE cosmos.store_version SET version = 99")
        .await
        .unwrap();
    let error = PostgresStore::connect(&cluster.config()).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Invalid(why) if why.contains("99")),
        "{error}"
    );
}

/// The tables as the first version made them, with a shard that is owned and one that is not.
const FIRST_TABLES: &str = "
    CREATE SCHEMA cosmos;
    CREATE TABLE cosmos.store_version (version bigint NOT NULL);
    INSERT INTO cosmos.store_version VALUES (1);
    CREATE TABLE cosmos.store_shard (
        shard text COLLATE \"C\" PRIMARY KEY, epoch bigint NOT NULL, owner text,
        until_ms bigint NOT NULL);
    CREATE TABLE cosmos.store_record (
        shard text COLLATE \"C\" NOT NULL, key bytea NOT NULL, value bytea NOT NULL,
        PRIMARY KEY (shard, key));
    INSERT INTO cosmos.store_shard VALUES ('held', 3, 'old', 9e15), ('free', 7, NULL, 0);
    INSERT INTO cosmos.store_record VALUES ('held', 'before', 'v')";

/// Several servers of this version come up at once where one of the first version was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_of_the_first_version_keep_records_owners_and_epochs() {
    let Some(cluster) = cluster() else { return };
    let (client, connection) = tokio_postgres::connect(&cluster.config(), tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client.batch_execute(FIRST_TABLES).await.unwrap();
    let mut starts = JoinSet::new();
    for _ in 0..4 {
        let config = cluster.config();
        starts.spawn(async move { PostgresStore::connect(&config).await.unwrap() });
    }
    let store = &starts.join_all().await[0];
    assert!(store.get("held", b"before").await.unwrap().is_some());
    let fence = |shard: &str, epoch| Fence {
        shard: shard.into(),
        epoch,
    };
    let refused = store.acquire("held", "new", TTL).await;
    assert!(
        matches!(refused, Err(StoreError::Owned { .. })),
        "{refused:?}"
    );
    store.commit(&fence("held", 3), put("after")).await.unwrap();
    let stale = store.commit(&fence("free", 7), put("after")).await;
    assert!(matches!(stale, Err(StoreError::Fenced { .. })), "{stale:?}");
    store.release(&fence("held", 3)).await.unwrap();
    for (shard, epoch) in [("held", 4), ("free", 8)] {
        let taken = store.acquire(shard, "new", TTL).await.unwrap();
        assert_eq!(taken.epoch, epoch);
        store.commit(&taken, put("new")).await.unwrap();
    }
}

/// Somebody who holds a snapshot keeps every version of a row; what a commit looks at has few.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renewals_leave_nothing_for_commits_to_look_at() {
    let Some(cluster) = cluster() else { return };
    let store = connect(&cluster).await;
    let (client, connection) = tokio_postgres::connect(&cluster.config(), tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    let fence = store.acquire("s", "a", TTL).await.unwrap();
    let place = "SELECT ctid::text FROM cosmos.store_fence";
    let place = async || -> String { client.query_one(place, &[]).await.unwrap().get(0) };
    let before = place().await;
    for _ in 0..20 {
        store.renew(&fence, TTL).await.unwrap();
        store.commit(&fence, put("k")).await.unwrap();
    }
    assert_eq!(place().await, before);
    store.acquire("s", "a", TTL).await.unwrap();
    assert_ne!(place().await, before);
}
