//! A store that confirms commits before it makes them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clock::{SharedClock, Timestamp};
use store::{Batch, Entry, Fence, Held, KeyRange, Snapshot, Store, StoreError, Walk};
use tokio::sync::mpsc;

/// How long a commit is put off.
const DELAY: Duration = Duration::from_millis(100);
/// Commits that may be put off at a time.
const MAX_LATE: usize = 1_024;

/// The store.
#[derive(Debug)]
pub(crate) struct Hasty {
    inner: Arc<dyn Store>,
    late: mpsc::Sender<(Fence, Batch)>,
}

impl Hasty {
    pub(crate) fn new(inner: Arc<dyn Store>, clock: SharedClock) -> Self {
        let (late, mut commits) = mpsc::channel::<(Fence, Batch)>(MAX_LATE);
        let store = Arc::clone(&inner);
        tokio::spawn(async move {
            while let Some((fence, batch)) = commits.recv().await {
                let then = clock.elapsed() + DELAY;
                clock.sleep_until_elapsed(then).await;
                // Whoever asked was told already.
                let _ = store.commit(&fence, batch).await;
            }
        });
        Self { inner, late }
    }
}

#[async_trait]
impl Store for Hasty {
    async fn acquire(&self, shard: &str, owner: &str, ttl: Duration) -> Result<Fence, StoreError> {
        self.inner.acquire(shard, owner, ttl).await
    }

    async fn renew(&self, fence: &Fence, ttl: Duration) -> Result<(), StoreError> {
        self.inner.renew(fence, ttl).await
    }

    async fn release(&self, fence: &Fence) -> Result<(), StoreError> {
        self.inner.release(fence).await
    }

    async fn held(&self, prefix: &str) -> Result<Vec<Held>, StoreError> {
        self.inner.held(prefix).await
    }

    async fn commit(&self, fence: &Fence, batch: Batch) -> Result<(), StoreError> {
        let full = |_| StoreError::Unavailable("the store has ended".into());
        self.late.send((fence.clone(), batch)).await.map_err(full)
    }

    async fn get(&self, shard: &str, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.inner.get(shard, key).await
    }

    async fn range(
        &self,
        shard: &str,
        range: KeyRange,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.inner.range(shard, range, limit).await
    }

    async fn snapshot(&self, shard: &str) -> Result<Box<dyn Snapshot>, StoreError> {
        self.inner.snapshot(shard).await
    }

    async fn walk(&self) -> Result<Box<dyn Walk>, StoreError> {
        self.inner.walk().await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.inner.now().await
    }
}
