use std::sync::Arc;
use std::time::Duration;

use clock::{SharedClock, Timestamp};
use store::{Batch, Entry, Fence, KeyRange, Snapshot, Store, StoreError};
use timestone::{Commit, Payloads, Queues, RecordError, Recovery, Write};

use super::OwnerOptions;
use crate::wording::ProtoWording;

/// Records read at once.
const PAGE: usize = 4_096;

/// A shard of a store, and the time there.
#[derive(Clone)]
pub(crate) struct Shard {
    store: Arc<dyn Store>,
    clock: SharedClock,
    options: Arc<OwnerOptions>,
}

/// A shard that is owned, and what it holds.
pub(crate) struct Owned {
    pub(crate) shard: Shard,
    pub(crate) fence: Fence,
    pub(crate) queues: Queues,
    pub(crate) time: StoreTime,
}

/// Why a shard could not be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TakeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// The store's time, told by the local clock between looks at the store.
#[derive(Clone)]
pub(crate) struct StoreTime {
    clock: SharedClock,
    /// Milliseconds that the store is ahead.
    ahead: i64,
}

impl StoreTime {
    /// Milliseconds since the Unix epoch.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now().unix_ms().saturating_add(self.ahead)
    }

    pub(crate) async fn sleep_until(&self, ms: i64) {
        let until = Timestamp::from_unix_ms(ms.saturating_sub(self.ahead));
        self.clock.sleep_until(until).await;
    }
}

impl Shard {
    pub(crate) fn new(store: Arc<dyn Store>, clock: SharedClock, options: OwnerOptions) -> Self {
        Self {
            store,
            clock,
            options: Arc::new(options),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.options.shard
    }

    pub(crate) fn ttl(&self) -> Duration {
        self.options.ttl
    }

    pub(crate) async fn pause(&self, wait: Duration) {
        let until = self.clock.now() + wait;
        Arc::clone(&self.clock).sleep_until(until).await;
    }

    /// Owns the shard and reads what it holds.
    pub(crate) async fn take(&self) -> Result<Owned, TakeError> {
        let options = &self.options;
        let store = &self.store;
        let fence = store
            .acquire(&options.shard, &options.owner, options.ttl)
            .await?;
        let time = self.time().await?;
        let snapshot = store.snapshot(&options.shard).await?;
        let mut queues = read(snapshot.as_ref()).await?.finish(time.now());
        queues.keep_recent(options.recent_bytes);
        Ok(Owned {
            shard: self.clone(),
            fence,
            queues,
            time,
        })
    }

    pub(crate) async fn time(&self) -> Result<StoreTime, StoreError> {
        let store_now = self.store.now().await?.unix_ms();
        Ok(StoreTime {
            ahead: store_now.saturating_sub(self.clock.now().unix_ms()),
            clock: Arc::clone(&self.clock),
        })
    }

    /// Stores what changed, as one, and reads what answers lack.
    pub(crate) async fn commit(self, fence: Fence, commit: Commit) -> Result<Payloads, StoreError> {
        let Commit { reads, writes } = commit;
        let (keys, nothing) = (reads.keys(), reads.nothing());
        if keys.is_empty() {
            self.write(&fence, writes.records(&nothing)).await?;
            return Ok(nothing);
        }
        // It shows what was there before anything is written.
        let before = self.store.snapshot(self.name()).await?;
        let read = async { reads.take(before.get_all(&keys).await?).map_err(damaged) };
        if writes.wait() {
            let read = read.await?;
            self.write(&fence, writes.records(&read)).await?;
            return Ok(read);
        }
        let write = self.write(&fence, writes.records(&nothing));
        let (read, ()) = tokio::try_join!(read, write)?;
        Ok(read)
    }

    async fn write(&self, fence: &Fence, writes: Vec<Write>) -> Result<(), StoreError> {
        if writes.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new();
        for Write { key, value } in writes {
            match value {
                Some(value) => batch.put(key, value),
                None => batch.delete(key),
            };
        }
        self.store.commit(fence, batch).await
    }

    /// Stays the owner; tells the store's time anew.
    pub(crate) async fn renew(self, fence: Fence) -> Result<StoreTime, StoreError> {
        self.store.renew(&fence, self.options.ttl).await?;
        self.time().await
    }

    pub(crate) async fn release(&self, fence: &Fence) {
        if let Err(why) = self.store.release(fence).await {
            tracing::warn!(shard = self.name(), %why, "the queue's shard was not released");
        }
    }
}

fn damaged(error: RecordError) -> StoreError {
    StoreError::Corrupt(error.to_string().into())
}

async fn read(snapshot: &dyn Snapshot) -> Result<Recovery, TakeError> {
    let mut recovery = Recovery::new(Arc::new(ProtoWording));
    for prefix in Recovery::prefixes() {
        read_all(snapshot, KeyRange::prefix(prefix), &mut recovery).await?;
    }
    Ok(recovery)
}

/// Reads a page while the one before is taken apart.
async fn read_all(
    snapshot: &dyn Snapshot,
    range: KeyRange,
    recovery: &mut Recovery,
) -> Result<(), TakeError> {
    let mut page = snapshot.range(range.clone(), PAGE).await?;
    while let Some(last) = page.last() {
        let rest = range.clone().after(last.key.clone());
        let next = async {
            match page.len() < PAGE {
                true => Ok(Vec::new()),
                false => snapshot.range(rest, PAGE).await,
            }
        };
        let take = async { take(&page, recovery) };
        let (next, taken) = tokio::join!(next, take);
        taken?;
        page = next?;
    }
    Ok(())
}

fn take(page: &[Entry], recovery: &mut Recovery) -> Result<(), RecordError> {
    let mut entries = page.iter();
    entries.try_for_each(|entry| recovery.record(&entry.key, &entry.value))
}
