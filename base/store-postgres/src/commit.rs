//! Group commit: one statement at a time per shard, for all that wait.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use deadpool_postgres::Pool;
use store::{Batch, Fence, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_postgres::types::Type;

use crate::connect::prepared;
use crate::error::{no_connection, writing};
use crate::owner::{epoch, stale};

/// The most commits that wait, over all shards.
const QUEUE: usize = 1_024;
/// A group takes no further commit once it holds this many bytes.
const GROUP_BYTES: usize = 16 << 20;

/// Applies everything or, when the epoch is stale, nothing. `FOR SHARE` makes a
/// new owner wait for this statement and makes this statement see a new owner.
const COMMIT: &str = "
    WITH fence AS MATERIALIZED (
        SELECT FROM cosmos.store_fence
        WHERE shard = $1 AND epoch = $2
        FOR SHARE
    ), put AS (
        INSERT INTO cosmos.store_record (shard, key, value)
        SELECT $1, key, value FROM unnest($3, $4) AS new (key, value)
        WHERE EXISTS (SELECT FROM fence)
        ON CONFLICT (shard, key) DO UPDATE SET value = excluded.value
    ), gone AS (
        DELETE FROM cosmos.store_record
        WHERE shard = $1 AND key = ANY ($5) AND EXISTS (SELECT FROM fence)
    )
    SELECT EXISTS (SELECT FROM fence)";

/// The commits under way and waiting.
#[derive(Debug)]
pub(crate) struct Lanes {
    pool: Pool,
    /// By shard; a shard is present while a task writes its commits.
    waiting: Mutex<HashMap<Arc<str>, VecDeque<Commit>>>,
    room: Arc<Semaphore>,
}

#[derive(Debug)]
struct Commit {
    fence: Fence,
    batch: Batch,
    answer: oneshot::Sender<Result<(), StoreError>>,
    _room: OwnedSemaphorePermit,
}

impl Lanes {
    pub(crate) fn new(pool: Pool) -> Self {
        Self {
            pool,
            waiting: Mutex::default(),
            room: Arc::new(Semaphore::new(QUEUE)),
        }
    }

    /// Applies `batch` together with whatever else waits for the shard.
    pub(crate) async fn commit(
        self: &Arc<Self>,
        fence: Fence,
        batch: Batch,
    ) -> Result<(), StoreError> {
        let room = Arc::clone(&self.room)
            .acquire_owned()
            .await
            .map_err(|_| ended())?;
        let (answer, answered) = oneshot::channel();
        let shard = Arc::clone(&fence.shard);
        if self.enqueue(Commit {
            fence,
            batch,
            answer,
            _room: room,
        }) {
            tokio::spawn(Arc::clone(self).serve(shard));
        }
        answered.await.unwrap_or_else(|_| Err(ended()))
    }

    /// Whether the shard needs a task to serve it.
    fn enqueue(&self, commit: Commit) -> bool {
        match self.lock().entry(Arc::clone(&commit.fence.shard)) {
            Entry::Occupied(mut lane) => {
                lane.get_mut().push_back(commit);
                false
            }
            Entry::Vacant(lane) => {
                lane.insert(VecDeque::from([commit]));
                true
            }
        }
    }

    /// Writes the shard's commits until none waits.
    async fn serve(self: Arc<Self>, shard: Arc<str>) {
        while let Some(group) = self.take(&shard) {
            for (_, commits) in by_epoch(group) {
                self.write(commits).await;
            }
        }
    }

    /// The next group; when there is none, the shard needs a new task.
    fn take(&self, shard: &str) -> Option<Vec<Commit>> {
        let mut lanes = self.lock();
        let lane = lanes.get_mut(shard)?;
        if lane.is_empty() {
            lanes.remove(shard);
            return None;
        }
        let mut bytes = 0;
        let group = lane.iter().take_while(|commit| {
            let fits = bytes < GROUP_BYTES;
            bytes += commit.batch.bytes();
            fits
        });
        let group = group.count();
        Some(lane.drain(..group).collect())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, VecDeque<Commit>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies commits under one fence and answers them.
    async fn write(&self, commits: Vec<Commit>) {
        let Some(first) = commits.first() else { return };
        let outcome = self.apply(&first.fence, Changes::of(&commits)).await;
        for commit in commits {
            // Whoever no longer waits is not told.
            let _ = commit.answer.send(outcome.clone());
        }
    }

    async fn apply(&self, fence: &Fence, changes: Changes<'_>) -> Result<(), StoreError> {
        let epoch = epoch(fence)?;
        let client = self.pool.get().await.map_err(no_connection)?;
        let types = [
            Type::TEXT,
            Type::INT8,
            Type::BYTEA_ARRAY,
            Type::BYTEA_ARRAY,
            Type::BYTEA_ARRAY,
        ];
        let statement = prepared(&client, COMMIT, &types).await?;
        let row = client
            .query_one(
                &statement,
                &[
                    &&*fence.shard,
                    &epoch,
                    &changes.keys,
                    &changes.values,
                    &changes.gone,
                ],
            )
            .await
            .map_err(writing)?;
        match row.try_get(0).map_err(writing)? {
            true => Ok(()),
            false => Err(stale(fence)),
        }
    }
}

fn ended() -> StoreError {
    StoreError::Unknown("the commit's task ended".into())
}

/// Only one epoch can be the newest, so the order between epochs is free.
fn by_epoch(group: Vec<Commit>) -> BTreeMap<u64, Vec<Commit>> {
    let mut epochs: BTreeMap<u64, Vec<Commit>> = BTreeMap::new();
    for commit in group {
        epochs.entry(commit.fence.epoch).or_default().push(commit);
    }
    epochs
}

/// What the keys hold after all batches.
#[derive(Debug, Default, PartialEq, Eq)]
struct Changes<'a> {
    keys: Vec<&'a [u8]>,
    values: Vec<&'a [u8]>,
    gone: Vec<&'a [u8]>,
}

impl<'a> Changes<'a> {
    fn of(commits: &'a [Commit]) -> Self {
        Self::last(commits.iter().map(|commit| &commit.batch))
    }

    /// One statement sets a key once, so only the last change of each remains.
    fn last(batches: impl Iterator<Item = &'a Batch>) -> Self {
        let ops = batches.flat_map(Batch::ops);
        let last: BTreeMap<&Bytes, Option<&Bytes>> = ops.map(|op| (op.key(), op.value())).collect();
        let mut changes = Self::default();
        for (key, value) in last {
            changes.add(key, value);
        }
        changes
    }

    fn add(&mut self, key: &'a [u8], value: Option<&'a Bytes>) {
        match value {
            Some(value) => {
                self.keys.push(key);
                self.values.push(value);
            }
            None => self.gone.push(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_change_of_a_key_remains() {
        let (mut first, mut second) = (Batch::new(), Batch::new());
        first.put("a", "1").put("b", "1").delete("c").put("d", "1");
        second.put("a", "2").delete("b").put("c", "2");
        let changes = Changes::last([&first, &second].into_iter());
        assert_eq!(changes.keys, [b"a", b"c", b"d"]);
        assert_eq!(changes.values, [b"2", b"2", b"1"]);
        assert_eq!(changes.gone, [b"b"]);
    }
}
