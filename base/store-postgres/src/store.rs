use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clock::Timestamp;
use deadpool_postgres::{Client, ClientWrapper, Pool};
use store::limits::{check_batch, check_name};
use store::{Batch, Entry, Fence, Held, KeyRange, Record, Snapshot, Store, StoreError, Walk};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::commit::Lanes;
use crate::error::{no_connection, reading};
use crate::{connect, owner, read, schema};

/// The most snapshots at a time; each holds a connection of its own.
const SNAPSHOTS: usize = 16;

/// A store in a PostgreSQL database, shared by any number of processes.
///
/// Lost connections are made anew: a call that was not sent yet ends as
/// [`StoreError::Unavailable`], a write that was as [`StoreError::Unknown`].
pub struct PostgresStore {
    pool: Pool,
    lanes: Arc<Lanes>,
    snapshots: Arc<Semaphore>,
}

impl PostgresStore {
    /// Connects as told by `config`, in libpq's form
    /// (`host=/run/postgresql user=cosmos dbname=cosmos`) or as a URL, and
    /// creates or migrates the tables in the schema `cosmos`.
    ///
    /// The connection is not encrypted: use a Unix socket or loopback. Statements
    /// are prepared, so a pooler in between must keep a session to one connection
    /// or know prepared statements.
    ///
    /// [`StoreError::Invalid`] if the configuration cannot be read or the tables
    /// are of a newer version, [`StoreError::Unavailable`] if the server cannot
    /// be reached.
    pub async fn connect(config: &str) -> Result<Self, StoreError> {
        let pool = connect::pool(config)?;
        schema::migrate(pool.get().await.map_err(no_connection)?).await?;
        let lanes = Arc::new(Lanes::new(pool.clone()));
        Ok(Self {
            pool,
            lanes,
            snapshots: Arc::new(Semaphore::new(SNAPSHOTS)),
        })
    }

    async fn client(&self) -> Result<Client, StoreError> {
        self.pool.get().await.map_err(no_connection)
    }

    async fn view(&self) -> Result<View, StoreError> {
        let room = Arc::clone(&self.snapshots).acquire_owned().await;
        let room = room.map_err(|_| StoreError::Unavailable("the store is closed".into()))?;
        // Taken from the pool for good, so that dropping it ends the transaction.
        let client = Client::take(self.client().await?);
        client.batch_execute(SNAPSHOT).await.map_err(reading)?;
        Ok(View {
            client,
            _room: room,
        })
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("pool", &self.pool.status())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn acquire(&self, shard: &str, owner: &str, ttl: Duration) -> Result<Fence, StoreError> {
        check_name("shard", shard)?;
        check_name("owner", owner)?;
        owner::acquire(&self.client().await?, shard, owner, ttl).await
    }

    async fn renew(&self, fence: &Fence, ttl: Duration) -> Result<(), StoreError> {
        owner::renew(&self.client().await?, fence, ttl).await
    }

    async fn release(&self, fence: &Fence) -> Result<(), StoreError> {
        owner::release(&self.client().await?, fence).await
    }

    async fn held(&self, prefix: &str) -> Result<Vec<Held>, StoreError> {
        owner::held(&self.client().await?, prefix).await
    }

    async fn commit(&self, fence: &Fence, batch: Batch) -> Result<(), StoreError> {
        check_batch(&batch)?;
        self.lanes.commit(fence.clone(), batch).await
    }

    async fn get(&self, shard: &str, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        read::get(&*self.client().await?, shard, key).await
    }

    async fn range(
        &self,
        shard: &str,
        range: KeyRange,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        read::range(&*self.client().await?, shard, &range, limit).await
    }

    async fn snapshot(&self, shard: &str) -> Result<Box<dyn Snapshot>, StoreError> {
        Ok(Box::new(PostgresSnapshot {
            view: self.view().await?,
            shard: shard.to_owned(),
        }))
    }

    async fn walk(&self) -> Result<Box<dyn Walk>, StoreError> {
        Ok(Box::new(PostgresWalk {
            view: self.view().await?,
            last: (String::new(), Bytes::new()),
        }))
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        owner::now(&self.client().await?).await
    }
}

/// The view is fixed by the first query of the transaction.
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1";

/// A transaction that sees what was committed when it began.
struct View {
    client: ClientWrapper,
    _room: OwnedSemaphorePermit,
}

struct PostgresSnapshot {
    view: View,
    shard: String,
}

struct PostgresWalk {
    view: View,
    /// The shard and key that were met last.
    last: (String, Bytes),
}

#[async_trait]
impl Walk for PostgresWalk {
    async fn next(&mut self, limit: usize) -> Result<Vec<Record>, StoreError> {
        let (shard, key) = &self.last;
        let records = read::records(&self.view.client, shard, key, limit).await?;
        if let Some(Record { shard, entry }) = records.last() {
            self.last = (shard.to_string(), entry.key.clone());
        }
        Ok(records)
    }
}

#[async_trait]
impl Snapshot for PostgresSnapshot {
    async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        read::get(&self.view.client, &self.shard, key).await
    }

    async fn get_all(&self, keys: &[Bytes]) -> Result<Vec<Option<Bytes>>, StoreError> {
        read::get_all(&self.view.client, &self.shard, keys).await
    }

    async fn range(&self, range: KeyRange, limit: usize) -> Result<Vec<Entry>, StoreError> {
        read::range(&self.view.client, &self.shard, &range, limit).await
    }
}
