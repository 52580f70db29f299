//! A store whose fences hold nobody back.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clock::Timestamp;
use store::{Batch, Entry, Fence, Held, KeyRange, Snapshot, Store, StoreError, Walk};

/// The store. Whoever owned a shard once goes on as if it still did.
#[derive(Debug)]
pub(crate) struct Unfenced {
    inner: Arc<dyn Store>,
}

impl Unfenced {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner }
    }

    /// The fence of whoever owns the shard now.
    async fn newest(&self, fence: &Fence) -> Result<Fence, StoreError> {
        let held = self.inner.held(&fence.shard).await?;
        let held = held.into_iter().find(|held| held.shard == fence.shard);
        let epoch = held.map_or(fence.epoch, |held| held.epoch);
        Ok(Fence {
            epoch,
            ..fence.clone()
        })
    }
}

#[async_trait]
impl Store for Unfenced {
    async fn acquire(&self, shard: &str, owner: &str, ttl: Duration) -> Result<Fence, StoreError> {
        self.inner.acquire(shard, owner, ttl).await
    }

    async fn renew(&self, fence: &Fence, ttl: Duration) -> Result<(), StoreError> {
        match self.inner.renew(fence, ttl).await {
            Err(StoreError::Fenced { .. }) => Ok(()),
            renewed => renewed,
        }
    }

    async fn release(&self, fence: &Fence) -> Result<(), StoreError> {
        self.inner.release(fence).await
    }

    async fn held(&self, prefix: &str) -> Result<Vec<Held>, StoreError> {
        self.inner.held(prefix).await
    }

    async fn commit(&self, fence: &Fence, batch: Batch) -> Result<(), StoreError> {
        match self.inner.commit(fence, batch.clone()).await {
            Err(StoreError::Fenced { .. }) => {
                let newest = self.newest(fence).await?;
                self.inner.commit(&newest, batch).await
            }
            committed => committed,
        }
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
