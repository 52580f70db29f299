use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clock::{SharedClock, Timestamp};
use tokio::sync::watch;

use crate::limits::{check_batch, check_name};
use crate::ownership::Ownership;
use crate::random::Random;
use crate::{
    Ahead, Batch, Entry, Fence, Held, KeyRange, Op, Record, Snapshot, Store, StoreError, Walk,
};

/// The most times a call lets others run before it acts and before it answers.
const MAX_YIELDS: u64 = 4;

/// A strict store in memory, for tests.
///
/// It promises what [`Store`] promises and nothing more: concurrent calls take
/// effect and answer in a seeded random order, fences are checked to the letter
/// and time is only what the clock shows. What has its place is stored with a later commit or
/// when it is waited for, and one made ahead by a later commit alone. After
/// [`MemoryStore::crash`] calls in flight end as [`StoreError::Unknown`], whether or not they
/// took effect.
pub struct MemoryStore {
    clock: SharedClock,
    disk: Arc<Mutex<Disk>>,
    /// The start of the store's process that this handle belongs to.
    boot: u64,
}

type Map = Arc<BTreeMap<Bytes, Bytes>>;

struct Disk {
    shards: HashMap<String, Map>,
    owners: HashMap<String, Ownership>,
    random: Random,
    boot: u64,
    /// What has its place and is not stored.
    placed: VecDeque<(Fence, Batch)>,
    /// How many of all that ever had a place are stored.
    stored: watch::Sender<u64>,
}

impl MemoryStore {
    /// An empty store whose ownership times are measured by `clock`.
    pub fn new(clock: SharedClock) -> Self {
        Self::seeded(clock, 1)
    }

    /// An empty store with its own order of concurrent calls.
    pub fn seeded(clock: SharedClock, seed: u64) -> Self {
        let disk = Disk {
            shards: HashMap::new(),
            owners: HashMap::new(),
            random: Random::new(seed),
            boot: 0,
            placed: VecDeque::new(),
            stored: watch::Sender::new(0),
        };
        Self {
            clock,
            disk: Arc::new(Mutex::new(disk)),
            boot: 0,
        }
    }

    /// Ends this store as a crash would and opens what it held: calls in flight
    /// end as [`StoreError::Unknown`] and later ones as [`StoreError::Unavailable`].
    pub fn crash(&self) -> Self {
        let mut disk = lock(&self.disk);
        disk.boot += 1;
        disk.placed.clear();
        // Who waits for it looks again, and finds the store crashed.
        let stored = disk.count_stored();
        disk.stored = watch::Sender::new(stored);
        Self {
            clock: Arc::clone(&self.clock),
            disk: Arc::clone(&self.disk),
            boot: disk.boot,
        }
    }

    /// Another handle of the same running store.
    pub fn handle(&self) -> Self {
        Self {
            clock: Arc::clone(&self.clock),
            disk: Arc::clone(&self.disk),
            boot: self.boot,
        }
    }

    fn open(&self) -> Result<MutexGuard<'_, Disk>, StoreError> {
        let disk = lock(&self.disk);
        match disk.boot == self.boot {
            true => Ok(disk),
            false => Err(StoreError::Unavailable("the store has crashed".into())),
        }
    }

    /// Lets other tasks go first, a random number of times.
    async fn yield_randomly(&self) {
        let yields = lock(&self.disk).random.below(MAX_YIELDS + 1);
        for _ in 0..yields {
            tokio::task::yield_now().await;
        }
    }

    /// Runs `change` at some moment, and answers at some later one.
    async fn write<T: Send>(
        &self,
        change: impl FnOnce(&mut Disk) -> Result<T, StoreError> + Send,
    ) -> Result<T, StoreError> {
        drop(self.open()?);
        self.yield_randomly().await;
        let answer = change(&mut *self.open().map_err(unknown)?);
        self.yield_randomly().await;
        drop(self.open().map_err(unknown)?);
        answer
    }

    /// Gives a batch its place; the number of what has had one until then.
    async fn place(&self, fence: &Fence, batch: Batch) -> Result<u64, StoreError> {
        check_batch(&batch)?;
        self.write(|disk| disk.place(fence, batch)).await
    }

    async fn read<T: Send>(&self, look: impl FnOnce(&Disk) -> T + Send) -> Result<T, StoreError> {
        drop(self.open()?);
        self.yield_randomly().await;
        let disk = self.open()?;
        Ok(look(&disk))
    }
}

fn unknown(_crashed: StoreError) -> StoreError {
    crashed()
}

fn crashed() -> StoreError {
    StoreError::Unknown("the store crashed during the call".into())
}

/// A panic of one test task must not hide behind a poisoned lock in another.
fn lock(disk: &Mutex<Disk>) -> MutexGuard<'_, Disk> {
    disk.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk {
    fn map(&self, shard: &str) -> Map {
        self.shards.get(shard).cloned().unwrap_or_default()
    }

    fn all(&self) -> Vec<(Arc<str>, Map)> {
        let shards = self.shards.iter();
        let all = shards.map(|(shard, map)| (Arc::from(&**shard), Arc::clone(map)));
        all.collect()
    }

    fn owner(&mut self, shard: &str) -> &mut Ownership {
        self.owners.entry(shard.to_owned()).or_default()
    }

    fn held(&self, prefix: &str, now: Timestamp) -> Vec<Held> {
        let owners = self.owners.iter();
        let owners = owners.filter(|(shard, _)| shard.starts_with(prefix));
        let mut held: Vec<_> = owners
            .filter_map(|(shard, owner)| owner.held(shard, now))
            .collect();
        held.sort_by(|a, b| a.shard.cmp(&b.shard));
        held
    }

    fn commit(&mut self, fence: &Fence, batch: &Batch) -> Result<(), StoreError> {
        self.owner(&fence.shard).check(fence)?;
        self.store_placed(u64::MAX);
        self.apply(fence, batch);
        Ok(())
    }

    fn place(&mut self, fence: &Fence, batch: Batch) -> Result<u64, StoreError> {
        self.owner(&fence.shard).check(fence)?;
        self.placed.push_back((fence.clone(), batch));
        Ok(self.count_stored() + self.placed.len() as u64)
    }

    /// Stores what has its place, up to this number.
    fn store_placed(&mut self, last: u64) {
        while self.count_stored() < last {
            let Some((fence, batch)) = self.placed.pop_front() else {
                return;
            };
            self.apply(&fence, &batch);
            self.stored.send_modify(|stored| *stored += 1);
        }
    }

    fn count_stored(&self) -> u64 {
        *self.stored.borrow()
    }

    fn apply(&mut self, fence: &Fence, batch: &Batch) {
        let map = Arc::make_mut(self.shards.entry(fence.shard.to_string()).or_default());
        batch.ops().iter().for_each(|op| apply(map, op));
    }
}

fn apply(map: &mut BTreeMap<Bytes, Bytes>, op: &Op) {
    match op {
        Op::Put { key, value } => map.insert(key.clone(), value.clone()),
        Op::Delete { key } => map.remove(key),
    };
}

fn page(map: &BTreeMap<Bytes, Bytes>, range: &KeyRange, limit: usize) -> Vec<Entry> {
    if range.is_empty() {
        return Vec::new();
    }
    let entry = |(key, value): (&Bytes, &Bytes)| Entry {
        key: key.clone(),
        value: value.clone(),
    };
    map.range(range.bounds()).take(limit).map(entry).collect()
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("boot", &self.boot)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn acquire(&self, shard: &str, owner: &str, ttl: Duration) -> Result<Fence, StoreError> {
        check_name("shard", shard)?;
        check_name("owner", owner)?;
        self.write(|disk| {
            // The next owner finds what the last was promised.
            disk.store_placed(u64::MAX);
            disk.owner(shard)
                .acquire(shard, owner, self.clock.now(), ttl)
        })
        .await
    }

    async fn renew(&self, fence: &Fence, ttl: Duration) -> Result<(), StoreError> {
        self.write(|disk| disk.owner(&fence.shard).renew(fence, self.clock.now(), ttl))
            .await
    }

    async fn release(&self, fence: &Fence) -> Result<(), StoreError> {
        self.write(|disk| {
            disk.owner(&fence.shard).release(fence);
            Ok(())
        })
        .await
    }

    async fn held(&self, prefix: &str) -> Result<Vec<Held>, StoreError> {
        self.read(|disk| disk.held(prefix, self.clock.now())).await
    }

    async fn commit(&self, fence: &Fence, batch: Batch) -> Result<(), StoreError> {
        check_batch(&batch)?;
        self.write(|disk| disk.commit(fence, &batch)).await
    }

    async fn commit_ahead(&self, fence: &Fence, batch: Batch) -> Result<Ahead, StoreError> {
        let number = self.place(fence, batch).await?;
        let mut stored = self.open().map_err(unknown)?.stored.subscribe();
        Ok(Ahead::new(async move {
            let stored = stored.wait_for(|stored| *stored >= number).await;
            stored.map(drop).map_err(|_| crashed())
        }))
    }

    async fn commit_soon(&self, fence: &Fence, batch: Batch) -> Result<Ahead, StoreError> {
        let number = self.place(fence, batch).await?;
        let store = self.handle();
        Ok(Ahead::new(async move {
            let store_it = |disk: &mut Disk| {
                disk.store_placed(number);
                Ok(())
            };
            store.write(store_it).await.map_err(|_| crashed())
        }))
    }

    async fn get(&self, shard: &str, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.read(|disk| disk.map(shard).get(key).cloned()).await
    }

    async fn range(
        &self,
        shard: &str,
        range: KeyRange,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.read(|disk| page(&disk.map(shard), &range, limit))
            .await
    }

    async fn snapshot(&self, shard: &str) -> Result<Box<dyn Snapshot>, StoreError> {
        let map = self.read(|disk| disk.map(shard)).await?;
        Ok(Box::new(MemorySnapshot(map)))
    }

    async fn walk(&self) -> Result<Box<dyn Walk>, StoreError> {
        let shards = self.read(Disk::all).await?;
        Ok(Box::new(MemoryWalk(records(shards).into_iter())))
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.read(|_| self.clock.now()).await
    }
}

struct MemorySnapshot(Map);

#[async_trait]
impl Snapshot for MemorySnapshot {
    async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.0.get(key).cloned())
    }

    async fn range(&self, range: KeyRange, limit: usize) -> Result<Vec<Entry>, StoreError> {
        Ok(page(&self.0, &range, limit))
    }
}

fn records(shards: Vec<(Arc<str>, Map)>) -> Vec<Record> {
    let of_shard = |(shard, map): (Arc<str>, Map)| {
        let entries = page(&map, &KeyRange::all(), usize::MAX).into_iter();
        let records = entries.map(move |entry| Record {
            shard: Arc::clone(&shard),
            entry,
        });
        records.collect::<Vec<_>>()
    };
    shards.into_iter().flat_map(of_shard).collect()
}

struct MemoryWalk(std::vec::IntoIter<Record>);

#[async_trait]
impl Walk for MemoryWalk {
    async fn next(&mut self, limit: usize) -> Result<Vec<Record>, StoreError> {
        Ok(self.0.by_ref().take(limit).collect())
    }
}
