use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::owned;
use crate::random::Random;
use crate::{Batch, KeyRange, Snapshot, Store};

const SHARD: &str = "model";
const STEPS: u64 = 400;

type Model = BTreeMap<Bytes, Bytes>;

/// Random commits and reads agree with a map, and so do snapshots with the map
/// as it was. The keys are few and alike, so that they meet often.
pub(super) async fn check(store: &Arc<dyn Store>) {
    let fence = owned(store, SHARD).await;
    let (mut random, mut model) = (Random::new(42), Model::new());
    let mut snapshot = (store.snapshot(SHARD).await.unwrap(), model.clone());
    for _ in 0..STEPS {
        match random.below(8) {
            0..4 => {
                let batch = batch(&mut random);
                apply(&mut model, &batch);
                store.commit(&fence, batch).await.unwrap();
            }
            4 => snapshot = (store.snapshot(SHARD).await.unwrap(), model.clone()),
            5 => look_back(&mut random, &*snapshot.0, &snapshot.1).await,
            _ => look(&mut random, store, &model).await,
        }
    }
}

fn key(random: &mut Random) -> Bytes {
    (0..random.below(4))
        .map(|_| [0, 1, b'/', 255][random.below(4) as usize])
        .collect()
}

fn batch(random: &mut Random) -> Batch {
    let mut batch = Batch::new();
    for _ in 0..random.below(6) {
        let (key, value) = (key(random), random.next().to_be_bytes());
        match random.below(3) {
            0 => batch.delete(key),
            _ => batch.put(key, value.to_vec()),
        };
    }
    batch
}

fn apply(model: &mut Model, batch: &Batch) {
    for op in batch.ops() {
        match op.value() {
            Some(value) => model.insert(op.key().clone(), value.clone()),
            None => model.remove(op.key()),
        };
    }
}

fn range(random: &mut Random) -> (KeyRange, usize) {
    let start = match random.below(3) {
        0 => Bound::Unbounded,
        1 => Bound::Included(key(random)),
        _ => Bound::Excluded(key(random)),
    };
    let end = (random.below(2) == 0).then(|| key(random));
    (KeyRange { start, end }, random.below(8) as usize)
}

/// The plainest reading of the contract: look at every key.
fn expected(model: &Model, range: &KeyRange, limit: usize) -> Vec<(Bytes, Bytes)> {
    let after_start = |key: &Bytes| match &range.start {
        Bound::Included(start) => key >= start,
        Bound::Excluded(start) => key > start,
        Bound::Unbounded => true,
    };
    let before_end = |key: &Bytes| range.end.as_ref().is_none_or(|end| key < end);
    let inside = model
        .iter()
        .filter(|(key, _)| after_start(key) && before_end(key));
    inside
        .take(limit)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

async fn look(random: &mut Random, store: &Arc<dyn Store>, model: &Model) {
    let key = key(random);
    assert_eq!(
        store.get(SHARD, &key).await.unwrap(),
        model.get(&key).cloned()
    );
    let (range, limit) = range(random);
    let found = store.range(SHARD, range.clone(), limit).await.unwrap();
    let found: Vec<_> = found
        .into_iter()
        .map(|entry| (entry.key, entry.value))
        .collect();
    assert_eq!(
        found,
        expected(model, &range, limit),
        "{range:?}, at most {limit}"
    );
}

async fn look_back(random: &mut Random, snapshot: &dyn Snapshot, model: &Model) {
    let key = key(random);
    assert_eq!(snapshot.get(&key).await.unwrap(), model.get(&key).cloned());
    let (range, limit) = range(random);
    let found = snapshot.range(range.clone(), limit).await.unwrap();
    let found: Vec<_> = found
        .into_iter()
        .map(|entry| (entry.key, entry.value))
        .collect();
    assert_eq!(
        found,
        expected(model, &range, limit),
        "{range:?}, at most {limit}"
    );
}
