use std::collections::BTreeSet;
use std::sync::Arc;

use super::{owned, puts};
use crate::{Batch, Record, Store, Walk};

const SHARDS: [&str; 3] = ["walk", "walk-b", "walks"];

pub(super) async fn check(store: &Arc<dyn Store>) {
    every_shard_is_met_as_it_was(store).await;
}

async fn every_shard_is_met_as_it_was(store: &Arc<dyn Store>) {
    let mut fences = Vec::new();
    for shard in SHARDS {
        let fence = owned(store, shard).await;
        let pairs = [("changed", "1"), ("removed", "1"), ("same", "1")];
        store.commit(&fence, puts(pairs)).await.unwrap();
        fences.push(fence);
    }
    let mut walk = store.walk().await.unwrap();
    let first = walk.next(2).await.unwrap();
    assert_eq!(first.len(), 2, "there are more than two records");
    for fence in &fences {
        let mut batch = Batch::new();
        batch
            .put("changed", "2")
            .put("added", "2")
            .delete("removed");
        store.commit(fence, batch).await.unwrap();
    }
    let met = rest(first, &mut *walk).await;
    let ours = |record: &&Record| SHARDS.contains(&&*record.shard);
    let keys: Vec<_> = met.iter().filter(ours).map(key).collect();
    let unlike: BTreeSet<_> = keys.iter().cloned().collect();
    let expected = SHARDS.iter().flat_map(|shard| {
        let keys = ["changed", "removed", "same"];
        keys.map(|key| (shard.to_string(), key.as_bytes().to_vec()))
    });
    assert_eq!(unlike, expected.collect(), "as it was");
    assert_eq!(keys.len(), 9, "each once");
    assert!(met.iter().filter(ours).all(|r| r.entry.value == "1"));
    assert!(walk.next(9).await.unwrap().is_empty(), "it stays over");
}

fn key(record: &Record) -> (String, Vec<u8>) {
    (record.shard.to_string(), record.entry.key.to_vec())
}

/// What was met already, and the rest in pages.
async fn rest(mut met: Vec<Record>, walk: &mut dyn Walk) -> Vec<Record> {
    loop {
        let page = walk.next(7).await.unwrap();
        if page.is_empty() {
            return met;
        }
        met.extend(page);
    }
}
