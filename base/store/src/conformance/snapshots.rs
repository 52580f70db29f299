use std::sync::Arc;

use bytes::Bytes;

use super::{owned, puts};
use crate::{Batch, KeyRange, Store};

const SHARD: &str = "snapshot";

pub(super) async fn check(store: &Arc<dyn Store>) {
    later_commits_do_not_show(store).await;
    a_snapshot_of_nothing_stays_empty(store).await;
}

async fn later_commits_do_not_show(store: &Arc<dyn Store>) {
    let fence = owned(store, SHARD).await;
    store
        .commit(
            &fence,
            puts([("changed", "1"), ("removed", "1"), ("same", "1")]),
        )
        .await
        .unwrap();
    let snapshot = store.snapshot(SHARD).await.unwrap();
    let mut batch = Batch::new();
    batch
        .put("changed", "2")
        .put("added", "2")
        .delete("removed");
    store.commit(&fence, batch).await.unwrap();

    assert_eq!(
        snapshot.get(b"changed").await.unwrap().as_deref(),
        Some(&b"1"[..])
    );
    assert_eq!(snapshot.get(b"added").await.unwrap(), None);
    let keys = ["same", "added", "changed", "same"].map(Bytes::from);
    let values = snapshot.get_all(&keys).await.unwrap();
    let one = Some(Bytes::from_static(b"1"));
    assert_eq!(values, [one.clone(), None, one.clone(), one]);
    assert!(snapshot.get_all(&[]).await.unwrap().is_empty());
    let entries = snapshot.range(KeyRange::all(), 9).await.unwrap();
    let keys: Vec<_> = entries.iter().map(|entry| &entry.key[..]).collect();
    assert_eq!(keys, [&b"changed"[..], b"removed", b"same"]);
    assert!(entries.iter().all(|entry| entry.value == "1"));
    assert_eq!(
        snapshot
            .range(KeyRange::prefix(b"r"), 9)
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(snapshot.range(KeyRange::all(), 2).await.unwrap().len(), 2);
    assert_eq!(
        store.get(SHARD, b"changed").await.unwrap().as_deref(),
        Some(&b"2"[..])
    );
}

async fn a_snapshot_of_nothing_stays_empty(store: &Arc<dyn Store>) {
    let snapshot = store.snapshot("snapshot-empty").await.unwrap();
    let fence = owned(store, "snapshot-empty").await;
    store.commit(&fence, puts([("a", "1")])).await.unwrap();
    assert!(snapshot.range(KeyRange::all(), 9).await.unwrap().is_empty());
    assert_eq!(snapshot.get(b"a").await.unwrap(), None);
}
