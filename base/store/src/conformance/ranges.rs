use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::{owned, puts};
use crate::{Batch, KeyRange, Store};

const SHARD: &str = "range";

pub(super) async fn check(store: &Arc<dyn Store>) {
    fill(store).await;
    ends_are_as_told(store).await;
    limits_are_kept(store).await;
    a_prefix_of_the_last_byte_reaches_the_end(store).await;
    pages_join_without_gap_or_overlap(store).await;
    empty_ranges_hold_nothing(store).await;
}

async fn fill(store: &Arc<dyn Store>) {
    let fence = owned(store, SHARD).await;
    let mut batch = puts(["a", "ab", "abc", "b", "ba", "c"].map(|key| (key, key)));
    batch
        .put(vec![0], "zero")
        .put(vec![255], "last")
        .put(vec![255, 0], "after last");
    store.commit(&fence, batch).await.unwrap();
    let neighbour = owned(store, "range-").await;
    store
        .commit(&neighbour, puts([("a", "not yours"), ("z", "not yours")]))
        .await
        .unwrap();
}

async fn ends_are_as_told(store: &Arc<dyn Store>) {
    let all: Vec<&[u8]> = vec![
        &[0],
        b"a",
        b"ab",
        b"abc",
        b"b",
        b"ba",
        b"c",
        &[255],
        &[255, 0],
    ];
    assert_eq!(keys(store, KeyRange::all(), 99).await, all);
    assert_eq!(
        keys(store, from_to(Bound::Included("ab"), "b"), 99).await,
        all[2..4]
    );
    assert_eq!(
        keys(store, from_to(Bound::Excluded("ab"), "ba"), 99).await,
        all[3..5]
    );
    assert_eq!(
        keys(store, from_to(Bound::Unbounded, "ab"), 99).await,
        all[..2]
    );
    assert_eq!(
        keys(store, from_to(Bound::Included("aa"), "bz"), 99).await,
        all[2..6]
    );
    assert_eq!(keys(store, KeyRange::prefix(b"ab"), 99).await, all[2..4]);
    assert_eq!(keys(store, KeyRange::prefix(b"zz"), 99).await, all[..0]);
    assert_eq!(keys(store, KeyRange::prefix(b""), 99).await, all);
}

async fn limits_are_kept(store: &Arc<dyn Store>) {
    assert!(keys(store, KeyRange::all(), 0).await.is_empty());
    assert_eq!(
        keys(store, KeyRange::prefix(b"a"), 2).await,
        [&b"a"[..], b"ab"]
    );
    assert_eq!(keys(store, KeyRange::all(), usize::MAX).await.len(), 9);
}

async fn a_prefix_of_the_last_byte_reaches_the_end(store: &Arc<dyn Store>) {
    assert_eq!(
        keys(store, KeyRange::prefix(&[255]), 99).await,
        [&[255][..], &[255, 0]]
    );
}

async fn pages_join_without_gap_or_overlap(store: &Arc<dyn Store>) {
    let fence = owned(store, "range-pages").await;
    let mut batch = Batch::new();
    for i in 0..1_000_u16 {
        batch.put(i.to_be_bytes().to_vec(), vec![7; usize::from(i % 50)]);
    }
    store.commit(&fence, batch).await.unwrap();
    let (mut range, mut seen) = (KeyRange::all(), 0_u16);
    loop {
        let page = store.range("range-pages", range.clone(), 96).await.unwrap();
        let Some(last) = page.last() else { break };
        range = range.after(last.key.clone());
        for entry in &page {
            assert_eq!(entry.key, seen.to_be_bytes()[..]);
            assert_eq!(entry.value.len(), usize::from(seen % 50));
            seen += 1;
        }
    }
    assert_eq!(seen, 1_000);
}

async fn empty_ranges_hold_nothing(store: &Arc<dyn Store>) {
    for (start, end) in [("b", "b"), ("b", "a"), ("a", "")] {
        assert!(
            keys(store, from_to(Bound::Included(start), end), 9)
                .await
                .is_empty()
        );
        assert!(
            keys(store, from_to(Bound::Excluded(start), end), 9)
                .await
                .is_empty()
        );
    }
    assert!(
        store
            .range("never-written", KeyRange::all(), 9)
            .await
            .unwrap()
            .is_empty()
    );
}

fn from_to(start: Bound<&'static str>, end: &'static str) -> KeyRange {
    KeyRange {
        start: start.map(Bytes::from),
        end: Some(Bytes::from(end)),
    }
}

async fn keys(store: &Arc<dyn Store>, range: KeyRange, limit: usize) -> Vec<Bytes> {
    let entries = store.range(SHARD, range, limit).await.unwrap();
    entries.into_iter().map(|entry| entry.key).collect()
}
