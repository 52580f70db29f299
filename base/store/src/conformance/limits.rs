use std::sync::Arc;

use super::{LONG, owned};
use crate::limits::{MAX_BATCH_BYTES, MAX_KEY_BYTES, MAX_NAME_BYTES};
use crate::{Batch, Store, StoreError};

const SHARD: &str = "limit";

pub(super) async fn check(store: &Arc<dyn Store>) {
    the_longest_names_and_keys_are_taken(store).await;
    longer_ones_are_refused(store).await;
}

async fn the_longest_names_and_keys_are_taken(store: &Arc<dyn Store>) {
    let shard = "s".repeat(MAX_NAME_BYTES);
    let fence = store
        .acquire(&shard, &"o".repeat(MAX_NAME_BYTES), LONG)
        .await
        .unwrap();
    // Bytes that do not compress, so that an engine's index gains nothing.
    let key: Vec<u8> = (0..MAX_KEY_BYTES)
        .map(|i| ((i * i * 31) >> 3) as u8 ^ i as u8)
        .collect();
    let mut batch = Batch::new();
    batch.put(key.clone(), "v");
    store.commit(&fence, batch).await.unwrap();
    assert_eq!(
        store.get(&shard, &key).await.unwrap().as_deref(),
        Some(&b"v"[..])
    );
}

async fn longer_ones_are_refused(store: &Arc<dyn Store>) {
    for name in [
        String::new(),
        "s".repeat(MAX_NAME_BYTES + 1),
        "zero\0byte".to_owned(),
    ] {
        invalid(store.acquire(&name, "owner", LONG).await);
        invalid(store.acquire(SHARD, &name, LONG).await);
    }
    let fence = owned(store, SHARD).await;
    let mut long = Batch::new();
    long.put("before", "v").put(vec![7; MAX_KEY_BYTES + 1], "v");
    invalid(store.commit(&fence, long).await);
    let mut large = Batch::new();
    large
        .put("before", "v")
        .put("large", vec![7; MAX_BATCH_BYTES]);
    invalid(store.commit(&fence, large).await);
    assert_eq!(store.get(SHARD, b"before").await.unwrap(), None);
}

fn invalid<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Invalid(_))), "{answer:?}");
}
