use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clock::Timestamp;
use tokio::sync::Notify;

use crate::random::Random;
use crate::{
    Ahead, Batch, Entry, Fence, Held, KeyRange, Record, Snapshot, Store, StoreError, Walk,
};

/// A kind of call on a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    Acquire,
    Renew,
    Release,
    Held,
    Commit,
    Get,
    Range,
    Snapshot,
    Walk,
    Now,
}

impl Call {
    fn is_write(self) -> bool {
        matches!(
            self,
            Self::Acquire | Self::Renew | Self::Release | Self::Commit
        )
    }
}

/// What goes wrong with one call.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Nothing: the call passes. Fills the gaps of a script.
    None,
    /// Refused with [`StoreError::Unavailable`]; nothing was changed.
    Unavailable,
    /// The call took effect, but the answer is [`StoreError::Unknown`].
    UnknownApplied,
    /// The call had no effect and the answer is [`StoreError::Unknown`].
    UnknownLost,
    /// The answer is [`StoreError::Unknown`]; the call is made when it is
    /// notified, as one that was held up on its way.
    UnknownLate(Arc<Notify>),
    /// The call starts when it is notified.
    Delay(Arc<Notify>),
    /// The call takes effect at once and is answered when it is notified.
    DelayAnswer(Arc<Notify>),
    /// As [`Fault::UnknownLost`], and every later call is unavailable until
    /// [`FaultStore::mend`].
    Cut,
}

/// A store whose calls fail as told, by script or by seed.
#[derive(Debug)]
pub struct FaultStore<S: ?Sized> {
    plan: Mutex<Plan>,
    cut: Arc<AtomicBool>,
    inner: Arc<S>,
}

#[derive(Debug, Default)]
struct Plan {
    scripts: HashMap<Call, VecDeque<Fault>>,
    calls: HashMap<Call, u64>,
    chance: Option<Chance>,
}

#[derive(Debug)]
struct Chance {
    random: Random,
    one_in: u64,
}

impl<S: Store + ?Sized> FaultStore<S> {
    /// Passes everything to `inner` until told otherwise.
    pub fn new(inner: Arc<S>) -> Self {
        Self {
            plan: Mutex::default(),
            cut: Arc::default(),
            inner,
        }
    }

    /// Fails about one in `one_in` calls, chosen by `seed`: reads as
    /// unavailable, writes in each of the three ways.
    pub fn seeded(inner: Arc<S>, seed: u64, one_in: u64) -> Self {
        let store = Self::new(inner);
        store.plan().chance = Some(Chance {
            random: Random::new(seed),
            one_in,
        });
        store
    }

    /// Appends to what happens to the next calls of this kind.
    pub fn script(&self, call: Call, faults: impl IntoIterator<Item = Fault>) {
        self.plan().scripts.entry(call).or_default().extend(faults);
    }

    /// Makes every later call unavailable.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }

    /// Ends a cut and forgets all scripts and chances.
    pub fn mend(&self) {
        let mut plan = self.plan();
        plan.scripts.clear();
        plan.chance = None;
        self.cut.store(false, Ordering::SeqCst);
    }

    /// How many calls of this kind were made, the failed ones included.
    pub fn calls(&self, call: Call) -> u64 {
        self.plan().calls.get(&call).copied().unwrap_or_default()
    }

    fn inner(&self) -> Arc<S> {
        Arc::clone(&self.inner)
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn faulty<T: Send + 'static>(
        &self,
        call: Call,
        run: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let fault = self.plan().next(call);
        refuse_if_cut(&self.cut)?;
        match fault {
            Fault::None => run.await,
            Fault::Unavailable => Err(unavailable("a fault was injected")),
            Fault::UnknownApplied => run.await.and_then(|_| Err(lost_answer())),
            Fault::UnknownLost => Err(lost_answer()),
            Fault::UnknownLate(start) => {
                tokio::spawn(after(start, run));
                Err(lost_answer())
            }
            Fault::Delay(start) => {
                start.notified().await;
                run.await
            }
            Fault::DelayAnswer(answer) => {
                let done = run.await;
                answer.notified().await;
                done
            }
            Fault::Cut => {
                self.cut();
                Err(lost_answer())
            }
        }
    }
}

impl Plan {
    fn next(&mut self, call: Call) -> Fault {
        *self.calls.entry(call).or_default() += 1;
        let scripted = self.scripts.get_mut(&call).and_then(VecDeque::pop_front);
        scripted
            .or_else(|| Some(self.chance.as_mut()?.draw(call)))
            .unwrap_or(Fault::None)
    }
}

impl Chance {
    fn draw(&mut self, call: Call) -> Fault {
        if self.random.below(self.one_in) != 0 {
            return Fault::None;
        }
        match self.random.below(3) {
            1 if call.is_write() => Fault::UnknownApplied,
            2 if call.is_write() => Fault::UnknownLost,
            _ => Fault::Unavailable,
        }
    }
}

async fn after<T>(start: Arc<Notify>, run: impl Future<Output = T> + Send) {
    start.notified().await;
    // The caller was answered already.
    let _ = run.await;
}

fn refuse_if_cut(cut: &AtomicBool) -> Result<(), StoreError> {
    match cut.load(Ordering::SeqCst) {
        true => Err(unavailable("the store was cut off")),
        false => Ok(()),
    }
}

fn unavailable(why: &str) -> StoreError {
    StoreError::Unavailable(why.into())
}

fn lost_answer() -> StoreError {
    StoreError::Unknown("the answer was lost".into())
}

#[async_trait]
impl<S: Store + ?Sized> Store for FaultStore<S> {
    async fn acquire(&self, shard: &str, owner: &str, ttl: Duration) -> Result<Fence, StoreError> {
        let (inner, shard, owner) = (self.inner(), shard.to_owned(), owner.to_owned());
        self.faulty(Call::Acquire, async move {
            inner.acquire(&shard, &owner, ttl).await
        })
        .await
    }

    async fn renew(&self, fence: &Fence, ttl: Duration) -> Result<(), StoreError> {
        let (inner, fence) = (self.inner(), fence.clone());
        self.faulty(Call::Renew, async move { inner.renew(&fence, ttl).await })
            .await
    }

    async fn release(&self, fence: &Fence) -> Result<(), StoreError> {
        let (inner, fence) = (self.inner(), fence.clone());
        self.faulty(Call::Release, async move { inner.release(&fence).await })
            .await
    }

    async fn held(&self, prefix: &str) -> Result<Vec<Held>, StoreError> {
        let (inner, prefix) = (self.inner(), prefix.to_owned());
        self.faulty(Call::Held, async move { inner.held(&prefix).await })
            .await
    }

    async fn commit(&self, fence: &Fence, batch: Batch) -> Result<(), StoreError> {
        let (inner, fence) = (self.inner(), fence.clone());
        self.faulty(
            Call::Commit,
            async move { inner.commit(&fence, batch).await },
        )
        .await
    }

    async fn commit_ahead(&self, fence: &Fence, batch: Batch) -> Result<Ahead, StoreError> {
        let (inner, fence) = (self.inner(), fence.clone());
        self.faulty(Call::Commit, async move {
            inner.commit_ahead(&fence, batch).await
        })
        .await
    }

    async fn commit_soon(&self, fence: &Fence, batch: Batch) -> Result<Ahead, StoreError> {
        let (inner, fence) = (self.inner(), fence.clone());
        self.faulty(Call::Commit, async move {
            inner.commit_soon(&fence, batch).await
        })
        .await
    }

    async fn get(&self, shard: &str, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let (inner, shard, key) = (self.inner(), shard.to_owned(), key.to_owned());
        self.faulty(Call::Get, async move { inner.get(&shard, &key).await })
            .await
    }

    async fn range(
        &self,
        shard: &str,
        range: KeyRange,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let (inner, shard) = (self.inner(), shard.to_owned());
        self.faulty(Call::Range, async move {
            inner.range(&shard, range, limit).await
        })
        .await
    }

    async fn snapshot(&self, shard: &str) -> Result<Box<dyn Snapshot>, StoreError> {
        let (inner, shard) = (self.inner(), shard.to_owned());
        let run = async move { inner.snapshot(&shard).await };
        let inner = self.faulty(Call::Snapshot, run).await?;
        Ok(Box::new(FaultSnapshot {
            cut: Arc::clone(&self.cut),
            inner,
        }))
    }

    async fn walk(&self) -> Result<Box<dyn Walk>, StoreError> {
        let inner = self.inner();
        let run = async move { inner.walk().await };
        let inner = self.faulty(Call::Walk, run).await?;
        Ok(Box::new(FaultWalk {
            cut: Arc::clone(&self.cut),
            inner,
        }))
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        let inner = self.inner();
        self.faulty(Call::Now, async move { inner.now().await })
            .await
    }
}

/// A walk that ends with its store.
struct FaultWalk {
    cut: Arc<AtomicBool>,
    inner: Box<dyn Walk>,
}

#[async_trait]
impl Walk for FaultWalk {
    async fn next(&mut self, limit: usize) -> Result<Vec<Record>, StoreError> {
        refuse_if_cut(&self.cut)?;
        self.inner.next(limit).await
    }
}

/// A snapshot that ends with its store.
struct FaultSnapshot {
    cut: Arc<AtomicBool>,
    inner: Box<dyn Snapshot>,
}

#[async_trait]
impl Snapshot for FaultSnapshot {
    async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        refuse_if_cut(&self.cut)?;
        self.inner.get(key).await
    }

    async fn get_all(&self, keys: &[Bytes]) -> Result<Vec<Option<Bytes>>, StoreError> {
        refuse_if_cut(&self.cut)?;
        self.inner.get_all(keys).await
    }

    async fn range(&self, range: KeyRange, limit: usize) -> Result<Vec<Entry>, StoreError> {
        refuse_if_cut(&self.cut)?;
        self.inner.range(range, limit).await
    }
}
