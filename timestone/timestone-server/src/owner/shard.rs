use std::sync::Arc;
use std::time::Duration;

use clock::{SharedClock, Timestamp};
use store::{Ahead, Batch, Entry, Fence, KeyRange, Snapshot, Store, StoreError};
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
    /// Until when nobody else can own it, unless it is renewed: by that time.
    pub(crate) until: i64,
}

/// What became of a commit.
pub(crate) enum Landed {
    /// It is on stable storage. With what was read.
    Stored(Payloads),
    /// It has its place there.
    Placed(Ahead),
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
        self.at(self.clock.elapsed())
    }

    /// What it was when this had elapsed on the clock.
    fn at(&self, elapsed: Duration) -> i64 {
        self.zero.saturating_add_unsigned(ms(elapsed))
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

    /// Until when nobody else can own the shard, where it is renewed from now on.
    pub(crate) fn owned_from(&self, now: i64) -> i64 {
        now.saturating_add_unsigned(ms(self.options.ttl))
    }

    /// Whether another has the shard, to whom it is left.
    pub(crate) fn is_left_to(&self, why: &TakeError) -> bool {
        let owned = matches!(why, TakeError::Store(StoreError::Owned { .. }));
        owned && self.options.yields
    }

    pub(crate) async fn pause(&self, wait: Duration) {
        let until = self.clock.elapsed() + wait;
        self.clock.sleep_until_elapsed(until).await;
    }

    /// Owns the shard and reads what it holds.
    pub(crate) async fn take(&self) -> Result<Owned, TakeError> {
        let options = &self.options;
        let store = &self.store;
        let asked = self.clock.elapsed();
        let fence = store
            .acquire(&options.shard, &options.owner, options.ttl)
            .await?;
        let time = StoreTime::new(Arc::clone(&self.clock), store.now().await?);
        let until = time.at(asked).saturating_add_unsigned(ms(options.ttl));
        let snapshot = store.snapshot(&options.shard).await?;
        let recovery = Recovery::new(Arc::new(ProtoWording)).at(options.place);
        let recovery = read(snapshot.as_ref(), recovery).await?;
        let mut queues = recovery.finish(time.now());
        queues.keep_recent(options.recent_bytes);
        Ok(Owned {
            shard: self.clone(),
            fence,
            queues,
            time,
            until,
        })
    }

    /// Gives what changed its place in the store, where no answer lacks anything: `ahead` of
    /// what will be stored with it, or to be stored soon.
    pub(crate) async fn place(
        self,
        fence: Fence,
        commit: Commit,
        ahead: bool,
    ) -> Result<Landed, StoreError> {
        let nothing = commit.reads.nothing();
        let batch = batch(commit.writes.records(&nothing));
        let placed = match ahead {
            true => self.store.commit_ahead(&fence, batch).await?,
            false => self.store.commit_soon(&fence, batch).await?,
        };
        Ok(Landed::Placed(placed))
    }

    /// Stores what changed, as one, and reads what answers lack; also what is `unstored` yet.
    pub(crate) async fn commit(
        self,
        fence: Fence,
        commit: Commit,
        unstored: bool,
    ) -> Result<Landed, StoreError> {
        let payloads = self.commit_all(&fence, commit, unstored).await?;
        Ok(Landed::Stored(payloads))
    }

    async fn commit_all(
        &self,
        fence: &Fence,
        commit: Commit,
        unstored: bool,
    ) -> Result<Payloads, StoreError> {
        let Commit { reads, writes } = commit;
        let (keys, nothing) = (reads.keys(), reads.nothing());
        if keys.is_empty() {
            self.write(fence, writes.records(&nothing), unstored)
                .await?;
            return Ok(nothing);
        }
        // It shows what was there before anything is written.
        let before = self.store.snapshot(self.name()).await?;
        let read = async { reads.take(before.get_all(&keys).await?).map_err(damaged) };
        if writes.wait() {
            let read = read.await?;
            self.write(fence, writes.records(&read), unstored).await?;
            return Ok(read);
        }
        let write = self.write(fence, writes.records(&nothing), unstored);
        let (read, ()) = tokio::try_join!(read, write)?;
        Ok(read)
    }

    async fn write(
        &self,
        fence: &Fence,
        writes: Vec<Write>,
        unstored: bool,
    ) -> Result<(), StoreError> {
        match writes.is_empty() && !unstored {
            true => Ok(()),
            false => self.store.commit(fence, batch(writes)).await,
        }
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

fn batch(writes: Vec<Write>) -> Batch {
    let mut batch = Batch::new();
    for Write { key, value } in writes {
        match value {
            Some(value) => batch.put(key, value),
            None => batch.delete(key),
        };
    }
    batch
}

fn damaged(error: RecordError) -> StoreError {
    StoreError::Corrupt(error.to_string().into())
}

async fn read(snapshot: &dyn Snapshot, mut recovery: Recovery) -> Result<Recovery, TakeError> {
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
