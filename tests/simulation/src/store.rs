//! The store as one process reaches it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clock::Timestamp;
use store::{
    Ahead, Batch, Entry, Fence, Held, KeyRange, MemoryStore, Snapshot, Store, StoreError, Walk,
};

use crate::planted::{Mistake, twice};
use crate::process::Doors;
use crate::watch::Watch;

/// One call in so many fails.
const FAILS: u64 = 40;

/// A store behind the doors of a process, every commit of which is watched.
pub(crate) struct WatchedStore {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) doors: Doors,
    pub(crate) watch: Arc<Watch>,
    pub(crate) mistake: Option<Mistake>,
    /// The newest fence of each shard: what a store that fences nobody off goes by.
    pub(crate) newest: Arc<Mutex<HashMap<String, Fence>>>,
}

impl WatchedStore {
    async fn read<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        self.doors.pass().await;
        if self.doors.fails(FAILS) {
            return Err(StoreError::Unavailable("injected".into()));
        }
        let answer = call.await;
        self.doors.pass().await;
        answer
    }

    async fn write<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        self.doors.pass().await;
        let fault = self.doors.fails(FAILS).then(|| self.doors.draw(3));
        match fault {
            Some(0) => return Err(StoreError::Unavailable("injected".into())),
            Some(1) => return Err(lost()),
            _ => {}
        }
        let answer = call.await;
        self.doors.pass().await;
        match fault {
            Some(_) => Err(lost()),
            None => answer,
        }
    }

    /// Has a commit arrive, as the mistake has it.
    async fn sent(&self, fence: &Fence, batch: Batch) -> (Fence, Batch) {
        // The way takes a while: the owner may not own any more when it arrives.
        if self.doors.fails(10) {
            let ms = self.doors.draw(300);
            self.doors.time().sleep(Duration::from_millis(ms)).await;
        }
        match self.mistake {
            Some(Mistake::StaleOwnerWrite) => (self.newest(fence), batch),
            Some(Mistake::DoubleSuccess) => (fence.clone(), twice(&batch)),
            _ => (fence.clone(), batch),
        }
    }

    async fn commit_watched(&self, fence: &Fence, batch: Batch) -> Result<(), StoreError> {
        let (fence, batch) = self.sent(fence, batch).await;
        self.store.commit(&fence, batch.clone()).await?;
        self.watch.committed(&batch, self.doors.time().now_ms());
        Ok(())
    }

    async fn place_watched(&self, fence: &Fence, batch: Batch) -> Result<Ahead, StoreError> {
        let (fence, batch) = self.sent(fence, batch).await;
        let mut placed = self.store.commit_soon(&fence, batch.clone()).await?;
        // This store never crashes: what has its place takes effect, whoever lives to see it.
        self.watch.committed(&batch, self.doors.time().now_ms());
        let doors = self.doors.clone();
        Ok(Ahead::new(async move {
            let stored = placed.until_stored().await;
            doors.pass().await;
            stored
        }))
    }

    fn newest(&self, fence: &Fence) -> Fence {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.get(&*fence.shard).unwrap_or(fence).clone()
    }
}

fn lost() -> StoreError {
    StoreError::Unknown("the answer was lost".into())
}

impl fmt::Debug for WatchedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for WatchedStore {
    async fn acquire(&self, shard: &str, owner: &str, ttl: Duration) -> Result<Fence, StoreError> {
        let fence = self.write(self.store.acquire(shard, owner, ttl)).await?;
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.insert(shard.to_owned(), fence.clone());
        Ok(fence)
    }

    async fn renew(&self, fence: &Fence, ttl: Duration) -> Result<(), StoreError> {
        let fence = match self.mistake {
            Some(Mistake::StaleOwnerWrite) => self.newest(fence),
            _ => fence.clone(),
        };
        self.write(self.store.renew(&fence, ttl)).await
    }

    async fn release(&self, fence: &Fence) -> Result<(), StoreError> {
        self.write(self.store.release(fence)).await
    }

    async fn held(&self, prefix: &str) -> Result<Vec<Held>, StoreError> {
        self.read(self.store.held(prefix)).await
    }

    async fn commit(&self, fence: &Fence, batch: Batch) -> Result<(), StoreError> {
        if self.mistake == Some(Mistake::LostAck) && self.doors.draw(50) == 0 {
            return Ok(());
        }
        self.write(self.commit_watched(fence, batch)).await
    }

    async fn commit_soon(&self, fence: &Fence, batch: Batch) -> Result<Ahead, StoreError> {
        if self.mistake == Some(Mistake::LostAck) && self.doors.draw(50) == 0 {
            return Ok(Ahead::stored());
        }
        self.write(self.place_watched(fence, batch)).await
    }

    async fn get(&self, shard: &str, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.read(self.store.get(shard, key)).await
    }

    async fn range(
        &self,
        shard: &str,
        range: KeyRange,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.read(self.store.range(shard, range, limit)).await
    }

    async fn snapshot(&self, shard: &str) -> Result<Box<dyn Snapshot>, StoreError> {
        self.read(self.store.snapshot(shard)).await
    }

    async fn walk(&self) -> Result<Box<dyn Walk>, StoreError> {
        self.read(self.store.walk()).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.read(self.store.now()).await
    }
}
