use std::sync::Arc;
use std::time::Duration;

use clock::{SharedClock, Timestamp};
use store::{Batch, Fence, KeyRange, Snapshot, Store, StoreError};
use timestone::{Queues, RecordError, Recovery, Write};

use super::{OwnerOptions, put_or_delete};
use crate::wording::ProtoWording;

/// Records read at once.
const PAGE: usize = 512;

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

/// The time of a shard: the store's when the shard was taken, and since then what
/// has elapsed here.
///
/// Whoever sets a clock, the store's or this machine's, moves it no more: leases
/// and waits are as long as they were said to be. The next owner begins with the
/// store's time then.
#[derive(Clone)]
pub(crate) struct StoreTime {
    clock: SharedClock,
    /// Unix milliseconds when nothing had elapsed on the clock.
    zero: i64,
}

impl StoreTime {
    fn new(clock: SharedClock, store_now: Timestamp) -> Self {
        let elapsed = ms(clock.elapsed());
        Self {
            zero: store_now.unix_ms().saturating_sub_unsigned(elapsed),
            clock,
        }
    }

    /// Milliseconds since the Unix epoch.
    pub(crate) fn now(&self) -> i64 {
        self.zero.saturating_add_unsigned(ms(self.clock.elapsed()))
    }

    pub(crate) async fn sleep_until(&self, at: i64) {
        let until = u64::try_from(at.saturating_sub(self.zero)).unwrap_or_default();
        let until = Duration::from_millis(until);
        self.clock.sleep_until_elapsed(until).await;
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
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
        let until = self.clock.elapsed() + wait;
        self.clock.sleep_until_elapsed(until).await;
    }

    /// Owns the shard and reads what it holds.
    pub(crate) async fn take(&self) -> Result<Owned, TakeError> {
        let options = &self.options;
        let store = &self.store;
        let fence = store
            .acquire(&options.shard, &options.owner, options.ttl)
            .await?;
        let time = StoreTime::new(Arc::clone(&self.clock), store.now().await?);
        let snapshot = store.snapshot(&options.shard).await?;
        let queues = read(snapshot.as_ref()).await?.finish(time.now())?;
        Ok(Owned {
            shard: self.clone(),
            fence,
            queues,
            time,
        })
    }

    /// Stores the writes as one.
    pub(crate) async fn commit(self, fence: Fence, writes: Vec<Write>) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        for Write { key, value } in writes {
            put_or_delete(&mut batch, key, value);
        }
        self.store.commit(&fence, batch).await
    }

    /// Stays the owner.
    pub(crate) async fn renew(self, fence: Fence) -> Result<(), StoreError> {
        self.store.renew(&fence, self.options.ttl).await
    }

    pub(crate) async fn release(&self, fence: &Fence) {
        if let Err(why) = self.store.release(fence).await {
            tracing::warn!(shard = self.name(), %why, "the queue's shard was not released");
        }
    }
}

async fn read(snapshot: &dyn Snapshot) -> Result<Recovery, TakeError> {
    let mut recovery = Recovery::new(Arc::new(ProtoWording));
    let mut range = KeyRange::all();
    loop {
        let entries = snapshot.range(range.clone(), PAGE).await?;
        let full = entries.len() == PAGE;
        for entry in entries {
            range = range.after(entry.key.clone());
            recovery.record(&entry.key, entry.value)?;
        }
        if !full {
            return Ok(recovery);
        }
    }
}
