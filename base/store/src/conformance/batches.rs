use std::sync::Arc;

use bytes::Bytes;

use super::{LONG, Subject, owned, puts};
use crate::{Batch, KeyRange, Store, StoreError};

pub(super) async fn check(store: &Arc<dyn Store>) {
    what_is_committed_is_read(store).await;
    operations_of_a_batch_apply_in_order(store).await;
    an_empty_batch_still_checks_the_fence(store).await;
    empty_keys_and_values_are_kept(store).await;
    large_values_are_kept(store).await;
    shards_are_apart(store).await;
    concurrent_commits_all_apply(store).await;
    a_reader_never_sees_half_a_batch(store).await;
    a_commit_ahead_is_stored_with_the_next(store).await;
    a_commit_ahead_checks_the_fence(store).await;
    commits_that_wait_for_nobody_are_stored_in_order(store).await;
    a_commit_that_waits_for_nobody_checks_the_fence(store).await;
    a_commit_that_waits_for_nobody_takes_along_one_ahead(store).await;
}

async fn a_commit_ahead_is_stored_with_the_next(store: &Arc<dyn Store>) {
    let (first, second) = (
        owned(store, "ahead-first").await,
        owned(store, "ahead-second").await,
    );
    for n in ["1", "2", "3"] {
        let mut ahead = store.commit_ahead(&first, puts([("a", n)])).await.unwrap();
        store.commit(&second, puts([("b", n)])).await.unwrap();
        let stored = get(store, "ahead-first", "a").await;
        assert_eq!(stored.as_deref(), Some(n.as_bytes()));
        ahead.until_stored().await.unwrap();
    }
    let mut ahead = store
        .commit_ahead(&first, puts([("a", "4")]))
        .await
        .unwrap();
    store.commit(&second, Batch::new()).await.unwrap();
    ahead.until_stored().await.unwrap();
    let stored = get(store, "ahead-first", "a").await;
    assert_eq!(stored.as_deref(), Some(&b"4"[..]));
}

async fn a_commit_ahead_checks_the_fence(store: &Arc<dyn Store>) {
    let stale = owned(store, "ahead-stale").await;
    let fence = owned(store, "ahead-stale").await;
    let refused = store.commit_ahead(&stale, puts([("a", "1")])).await;
    assert!(
        matches!(refused, Err(StoreError::Fenced { .. })),
        "{refused:?}"
    );
    store.commit(&fence, Batch::new()).await.unwrap();
    assert_eq!(get(store, "ahead-stale", "a").await, None);
}

async fn commits_that_wait_for_nobody_are_stored_in_order(store: &Arc<dyn Store>) {
    let fence = owned(store, "soon-order").await;
    let mut soon = Vec::new();
    for n in 0..50 {
        let batch = puts([("a", &*n.to_string()), (&*format!("b{n}"), "1")]);
        soon.push(store.commit_soon(&fence, batch).await.unwrap());
    }
    // The last is not stored before those that came first.
    soon.pop().unwrap().until_stored().await.unwrap();
    let last = get(store, "soon-order", "a").await;
    assert_eq!(last.as_deref(), Some(&b"49"[..]));
    for n in 0..50 {
        assert!(get(store, "soon-order", &format!("b{n}")).await.is_some());
    }
    for mut soon in soon {
        soon.until_stored().await.unwrap();
    }
}

async fn a_commit_that_waits_for_nobody_checks_the_fence(store: &Arc<dyn Store>) {
    let stale = owned(store, "soon-stale").await;
    let fence = owned(store, "soon-stale").await;
    let refused = store.commit_soon(&stale, puts([("a", "1")])).await;
    assert!(
        matches!(refused, Err(StoreError::Fenced { .. })),
        "{refused:?}"
    );
    store.commit(&fence, Batch::new()).await.unwrap();
    assert_eq!(get(store, "soon-stale", "a").await, None);
}

async fn a_commit_that_waits_for_nobody_takes_along_one_ahead(store: &Arc<dyn Store>) {
    let (first, second) = (
        owned(store, "soon-first").await,
        owned(store, "soon-second").await,
    );
    let mut ahead = store
        .commit_ahead(&first, puts([("a", "1")]))
        .await
        .unwrap();
    let mut soon = store
        .commit_soon(&second, puts([("b", "1")]))
        .await
        .unwrap();
    soon.until_stored().await.unwrap();
    ahead.until_stored().await.unwrap();
    let stored = get(store, "soon-first", "a").await;
    assert_eq!(stored.as_deref(), Some(&b"1"[..]));
}

async fn what_is_committed_is_read(store: &Arc<dyn Store>) {
    let fence = owned(store, "batch-read").await;
    store
        .commit(&fence, puts([("a", "1"), ("b", "2")]))
        .await
        .unwrap();
    assert_eq!(
        get(store, "batch-read", "a").await.as_deref(),
        Some(&b"1"[..])
    );
    let mut batch = Batch::new();
    batch.delete("a").delete("never").put("b", "3");
    store.commit(&fence, batch).await.unwrap();
    assert_eq!(get(store, "batch-read", "a").await, None);
    assert_eq!(
        get(store, "batch-read", "b").await.as_deref(),
        Some(&b"3"[..])
    );
    assert_eq!(get(store, "batch-read", "never").await, None);
}

async fn operations_of_a_batch_apply_in_order(store: &Arc<dyn Store>) {
    let fence = owned(store, "batch-order").await;
    let mut batch = Batch::new();
    batch.put("put-put", "1").put("put-put", "2");
    batch.put("put-delete", "1").delete("put-delete");
    batch.delete("delete-put").put("delete-put", "1");
    batch.put("three", "1").delete("three").put("three", "3");
    store.commit(&fence, batch).await.unwrap();
    assert_eq!(
        get(store, "batch-order", "put-put").await.as_deref(),
        Some(&b"2"[..])
    );
    assert_eq!(get(store, "batch-order", "put-delete").await, None);
    assert_eq!(
        get(store, "batch-order", "delete-put").await.as_deref(),
        Some(&b"1"[..])
    );
    assert_eq!(
        get(store, "batch-order", "three").await.as_deref(),
        Some(&b"3"[..])
    );
}

async fn an_empty_batch_still_checks_the_fence(store: &Arc<dyn Store>) {
    let stale = owned(store, "batch-empty").await;
    let fence = owned(store, "batch-empty").await;
    assert!(
        store.commit(&stale, Batch::new()).await.is_err(),
        "a stale fence passed"
    );
    store.commit(&fence, Batch::new()).await.unwrap();
}

async fn empty_keys_and_values_are_kept(store: &Arc<dyn Store>) {
    let fence = owned(store, "batch-void").await;
    store
        .commit(&fence, puts([("", ""), ("x", "")]))
        .await
        .unwrap();
    assert_eq!(get(store, "batch-void", "").await, Some(Bytes::new()));
    assert_eq!(get(store, "batch-void", "x").await, Some(Bytes::new()));
    assert_eq!(
        store
            .range("batch-void", KeyRange::all(), 9)
            .await
            .unwrap()
            .len(),
        2
    );
    let mut batch = Batch::new();
    batch.delete("");
    store.commit(&fence, batch).await.unwrap();
    assert_eq!(get(store, "batch-void", "").await, None);
}

async fn large_values_are_kept(store: &Arc<dyn Store>) {
    let fence = owned(store, "batch-large").await;
    let large: Bytes = (0..6_u32 << 20)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let mut batch = Batch::new();
    batch
        .put("first", large.clone())
        .put("second", large.slice(1..));
    store.commit(&fence, batch).await.unwrap();
    assert!(
        get(store, "batch-large", "first").await == Some(large.clone()),
        "the first differs"
    );
    assert!(
        get(store, "batch-large", "second").await == Some(large.slice(1..)),
        "the second differs"
    );
}

/// Neither a name that begins another nor one of another length shares keys.
async fn shards_are_apart(store: &Arc<dyn Store>) {
    for shard in ["apart", "apart/", "apart/1", "apart1"] {
        let fence = owned(store, shard).await;
        store
            .commit(&fence, puts([("/1k", shard), ("1k", shard), ("k", shard)]))
            .await
            .unwrap();
    }
    for shard in ["apart", "apart/", "apart/1", "apart1"] {
        let entries = store.range(shard, KeyRange::all(), 99).await.unwrap();
        assert_eq!(entries.len(), 3, "{shard} holds keys of another shard");
        assert!(
            entries.iter().all(|entry| entry.value == shard),
            "{shard} holds another's value"
        );
    }
}

async fn concurrent_commits_all_apply(store: &Arc<dyn Store>) {
    let fence = owned(store, "batch-many").await;
    let mut tasks = tokio::task::JoinSet::new();
    for i in 0..400_u32 {
        let (store, fence) = (Arc::clone(store), fence.clone());
        tasks.spawn(async move {
            let mut batch = Batch::new();
            batch
                .put(i.to_be_bytes().to_vec(), format!("{i}"))
                .put("last", format!("{i}"));
            store.commit(&fence, batch).await
        });
    }
    while let Some(commit) = tasks.join_next().await {
        commit.unwrap().unwrap();
    }
    let entries = store
        .range("batch-many", KeyRange::all(), 1_000)
        .await
        .unwrap();
    assert_eq!(entries.len(), 401);
}

/// Two keys are always set together, so every page that is read has them equal.
async fn a_reader_never_sees_half_a_batch(store: &Arc<dyn Store>) {
    let fence = owned(store, "batch-whole").await;
    let writer = {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            for i in 0..100_u32 {
                let mut batch = Batch::new();
                batch
                    .put("left", i.to_be_bytes().to_vec())
                    .put("right", i.to_be_bytes().to_vec());
                store.commit(&fence, batch).await.unwrap();
            }
        })
    };
    while !writer.is_finished() {
        let entries = store
            .range("batch-whole", KeyRange::all(), 2)
            .await
            .unwrap();
        let values: Vec<_> = entries.into_iter().map(|entry| entry.value).collect();
        assert!(
            values.is_empty() || values.len() == 2 && values[0] == values[1],
            "{values:?}"
        );
        tokio::task::yield_now().await;
    }
    writer.await.unwrap();
}

/// What was committed and who owned a shard last are there after a restart.
pub(super) async fn outlive_the_process(subject: &mut impl Subject) {
    let store = subject.open().await;
    let fence = owned(&store, "restart").await;
    store
        .commit(&fence, puts([("a", "1"), ("b", "2")]))
        .await
        .unwrap();
    drop(store);
    let store = subject.open().await;
    assert_eq!(
        get(&store, "restart", "a").await.as_deref(),
        Some(&b"1"[..])
    );
    assert_eq!(
        store
            .range("restart", KeyRange::all(), 9)
            .await
            .unwrap()
            .len(),
        2
    );
    let next = store.acquire("restart", "conformance", LONG).await.unwrap();
    assert_eq!(next.epoch, fence.epoch + 1, "the epoch was not remembered");
    assert!(
        store.commit(&fence, puts([("a", "late")])).await.is_err(),
        "a stale fence passed"
    );
    assert_eq!(
        get(&store, "restart", "a").await.as_deref(),
        Some(&b"1"[..])
    );
}

async fn get(store: &Arc<dyn Store>, shard: &str, key: &str) -> Option<Bytes> {
    store.get(shard, key.as_bytes()).await.unwrap()
}
