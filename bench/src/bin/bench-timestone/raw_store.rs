//! The store alone: the commits that the queue made, made again without the queue.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use async_trait::async_trait;
use bench::cpu;
use bytes::Bytes;
use clock::{SystemClock, Timestamp};
use store::{Batch, Entry, Fence, Held, KeyRange, Snapshot, Store, StoreError, Walk};
use store_fjall::FjallStore;

use crate::load::Done;
use crate::measure::{Figures, Plan, Run};
use crate::queue::Phase;

/// Longer than any measurement.
const TTL: Duration = Duration::from_secs(3_600);

/// A store that remembers what was committed, and when in the measurement.
#[derive(Debug)]
pub struct Recorder {
    store: FjallStore,
    tape: Mutex<Tape>,
}

#[derive(Debug)]
struct Tape {
    phase: Phase,
    commits: Vec<(Phase, Batch)>,
}

impl Recorder {
    pub fn new(store: FjallStore) -> Self {
        let tape = Tape {
            phase: Phase::Before,
            commits: Vec::new(),
        };
        Self {
            store,
            tape: Mutex::new(tape),
        }
    }

    /// What is committed from now on belongs to `phase`.
    pub fn begin(&self, phase: Phase) {
        self.tape().phase = phase;
    }

    /// What was committed; batches are not replayed, and so not kept.
    pub fn take(&self) -> Vec<(Phase, Batch)> {
        std::mem::take(&mut self.tape().commits)
    }

    fn record(&self, batch: &Batch) {
        let mut tape = self.tape();
        let phase = tape.phase;
        if phase < Phase::Batches {
            tape.commits.push((phase, batch.clone()));
        }
    }

    fn tape(&self) -> std::sync::MutexGuard<'_, Tape> {
        self.tape.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for Recorder {
    async fn acquire(&self, shard: &str, owner: &str, ttl: Duration) -> Result<Fence, StoreError> {
        self.store.acquire(shard, owner, ttl).await
    }

    async fn renew(&self, fence: &Fence, ttl: Duration) -> Result<(), StoreError> {
        self.store.renew(fence, ttl).await
    }

    async fn release(&self, fence: &Fence) -> Result<(), StoreError> {
        self.store.release(fence).await
    }

    async fn held(&self, prefix: &str) -> Result<Vec<Held>, StoreError> {
        self.store.held(prefix).await
    }

    async fn commit(&self, fence: &Fence, batch: Batch) -> Result<(), StoreError> {
        self.record(&batch);
        self.store.commit(fence, batch).await
    }

    async fn get(&self, shard: &str, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.store.get(shard, key).await
    }

    async fn range(
        &self,
        shard: &str,
        range: KeyRange,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.store.range(shard, range, limit).await
    }

    async fn snapshot(&self, shard: &str) -> Result<Box<dyn Snapshot>, StoreError> {
        self.store.snapshot(shard).await
    }

    async fn walk(&self) -> Result<Box<dyn Walk>, StoreError> {
        self.store.walk().await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.store.now().await
    }
}

/// Makes `commits` again, one after another, in an empty store: what the queue would
/// reach if it cost nothing. Latencies are those of a commit.
pub async fn replay(commits: Vec<(Phase, Batch)>, plan: &Plan, scratch: &Path) -> Result<Run> {
    let folder = tempfile::tempdir_in(scratch)?;
    let store = FjallStore::open(folder.path().join("store"), Arc::new(SystemClock))?;
    let fence = store.acquire("bench", "bench", TTL).await?;
    let mut enqueue = Replayed::of(plan.messages + plan.surplus());
    let mut lease_complete = Replayed::of(plan.messages);
    for (phase, batch) in commits {
        let part = match phase {
            Phase::Enqueue => Some(&mut enqueue),
            Phase::LeaseComplete => Some(&mut lease_complete),
            Phase::Before | Phase::Batches => None,
        };
        let start = (Instant::now(), cpu::of_self());
        store.commit(&fence, batch).await?;
        part.into_iter().for_each(|part| part.add(start));
    }
    Ok(Run {
        version: "fjall".into(),
        enqueue: Some(enqueue.figures()),
        lease_complete: Some(lease_complete.figures()),
        ..Run::default()
    })
}

#[derive(Default)]
struct Replayed {
    done: Done,
    cpu: Duration,
}

impl Replayed {
    fn of(messages: usize) -> Self {
        let done = Done {
            messages,
            ..Done::default()
        };
        Self {
            done,
            ..Self::default()
        }
    }

    fn add(&mut self, (start, cpu_before): (Instant, Duration)) {
        let took = start.elapsed();
        self.done.wall += took;
        self.done.latencies.push(took.as_secs_f64() * 1e3);
        self.cpu += cpu::of_self() - cpu_before;
    }

    fn figures(mut self) -> Figures {
        Figures {
            rate: self.done.rate(),
            p50_ms: self.done.quantile(0.50),
            p99_ms: self.done.quantile(0.99),
            server_cpu_us_per_op: None,
            client_cpu_us_per_op: Some(
                self.cpu.as_secs_f64() * 1e6 / self.done.messages.max(1) as f64,
            ),
        }
    }
}
