use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clock::{Clock, ManualClock, SharedClock, Timestamp};
use store::{Batch, Entry, Fence, Held, KeyRange, Snapshot, Store, StoreError, Walk};
use store_postgres::PostgresStore;
use store_postgres::testing::{Cluster, Programs};
use timestone_server::{LocalTimestone, OwnerOptions};

use crate::world::{World, clock, options};

/// What outlives a crash is not looked at here.
const SETTINGS: &[&str] = &["fsync=off"];

/// A database server.
pub struct Database {
    store: Arc<PostgresStore>,
    cluster: Cluster,
}

impl Database {
    /// Connections of their own, as each server has.
    pub async fn connect(&self) -> PostgresStore {
        PostgresStore::connect(&self.cluster.config())
            .await
            .unwrap()
    }
}

/// One of its own, for this, or a loud word that there is none.
pub async fn database(what: &str) -> Option<Database> {
    let programs = match Programs::find() {
        Ok(programs) => programs,
        Err(why) => {
            corpus::skip(what, &why);
            return None;
        }
    };
    let cluster = Cluster::start_with(&programs, SETTINGS).unwrap();
    let store = PostgresStore::connect(&cluster.config()).await.unwrap();
    Some(Database {
        store: Arc::new(store),
        cluster,
    })
}

/// A queue in a shard of its own.
pub fn world(database: &Database, shard: &str) -> World {
    let clock = clock();
    let store: Arc<dyn Store> = Arc::new(Turned {
        inner: Arc::clone(&database.store),
        clock: clock.clone(),
    });
    let options = OwnerOptions {
        shard: shard.into(),
        ..options(&store)
    };
    let shared: SharedClock = Arc::new(clock.clone());
    World {
        timestone: Arc::new(LocalTimestone::start(store, shared, options)),
        clock,
        _held: Vec::new(),
    }
}

/// A store whose time is turned by hand, but for who owns a shard.
#[derive(Debug)]
struct Turned {
    inner: Arc<PostgresStore>,
    clock: ManualClock,
}

#[async_trait]
impl Store for Turned {
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
        self.inner.commit(fence, batch).await
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
        Ok(self.clock.now())
    }
}
