//! The places of what is to be written next: each request gets one in order, also while what
//! has its place before it is being written.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use clock::SharedClock;
use store::{Batch, Fence, Held, Ownership, StoreError};
use tokio::sync::oneshot;

use crate::directory::Directory;
use crate::error::reading;
use crate::keys::{ShardPrefix, epoch_of, owner_key, owner_value};

/// The most requests that wait for the storage thread.
pub(crate) const QUEUE: usize = 1_024;
/// A group takes no further request once it holds this many bytes.
const GROUP_BYTES: usize = 16 << 20;

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;
pub(crate) type Answered<T> = oneshot::Receiver<Result<T, StoreError>>;

/// Something to be done by the storage thread.
pub(crate) enum Request {
    Acquire {
        shard: String,
        owner: String,
        ttl: Duration,
        answer: Answer<Fence>,
    },
    Renew {
        fence: Fence,
        ttl: Duration,
        answer: Answer<()>,
    },
    Release {
        fence: Fence,
        answer: Answer<()>,
    },
    Held {
        prefix: String,
        answer: Answer<Vec<Held>>,
    },
    Commit {
        fence: Fence,
        batch: Batch,
        /// Whether it is to be written soon, or may wait for one that is.
        wanted: bool,
        /// Told that it has its place, and given what tells that it is written.
        placed: Answer<Answered<()>>,
    },
    /// Something has its place and wants to be written.
    Write,
}

/// What a key shall hold, if anything.
pub(crate) type Change = (Vec<u8>, Option<Bytes>);

/// What is to be written together, and who waits for it.
#[derive(Default)]
pub(crate) struct Group {
    /// In the order in which they were asked for.
    pub(crate) changes: Vec<Change>,
    pub(crate) waiting: Vec<Waiting>,
    bytes: usize,
    /// Whether somebody wants it to be written now.
    is_wanted: bool,
}

/// An answer that is true once the group is on stable storage.
pub(crate) enum Waiting {
    Acquired(Answer<Fence>, Fence),
    Done(Answer<()>),
}

/// Who owns what, and what is to be written next.
pub(crate) struct Places {
    directory: Arc<Directory>,
    clock: SharedClock,
    /// Set once when a write failed; from then on nothing is written.
    failure: Arc<OnceLock<Arc<str>>>,
    owners: HashMap<String, Ownership>,
    group: Group,
    /// Whether the storage thread will look at what is wanted.
    woken: Arc<AtomicBool>,
}

impl Places {
    pub(crate) fn new(
        directory: Arc<Directory>,
        clock: SharedClock,
        failure: Arc<OnceLock<Arc<str>>>,
    ) -> Self {
        Self {
            directory,
            clock,
            failure,
            owners: HashMap::new(),
            group: Group::default(),
            woken: Arc::default(),
        }
    }

    /// Whether the storage thread will look at what is wanted.
    pub(crate) fn woken(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.woken)
    }

    /// How many changes have their place.
    pub(crate) fn changes(&self) -> usize {
        self.group.changes.len()
    }

    /// Whether no more may have a place before something is written.
    pub(crate) fn is_full(&self) -> bool {
        self.group.bytes >= GROUP_BYTES || self.group.waiting.len() >= QUEUE
    }

    /// Whether it is to be written now.
    pub(crate) fn is_due(&self) -> bool {
        self.group.is_wanted || self.is_full()
    }

    /// All that has a place, to be written.
    pub(crate) fn take(&mut self) -> Group {
        std::mem::take(&mut self.group)
    }

    /// Gives a commit its place; the answer comes when it is written: with others, or as soon
    /// as may be where that is wanted.
    pub(crate) fn place(
        &mut self,
        fence: &Fence,
        batch: &Batch,
        wanted: bool,
    ) -> Result<Answered<()>, StoreError> {
        self.commit(fence, batch)?;
        let (answer, answered) = oneshot::channel();
        self.group.waiting.push(Waiting::Done(answer));
        self.group.is_wanted |= wanted;
        Ok(answered)
    }

    /// Checks one request and gives its changes their place; a refused one is answered at once.
    pub(crate) fn admit(&mut self, request: Request) {
        // Whoever wants something from now on is not seen by the look after this one.
        self.woken.store(false, Ordering::SeqCst);
        match request {
            Request::Acquire {
                shard,
                owner,
                ttl,
                answer,
            } => match self.acquire(&shard, &owner, ttl) {
                Ok(fence) => self.group.wanted(Waiting::Acquired(answer, fence)),
                Err(error) => drop(answer.send(Err(error))),
            },
            Request::Commit {
                fence,
                batch,
                wanted,
                placed,
            } => drop(placed.send(self.place(&fence, &batch, wanted))),
            // The time of a holder ends with this process, so it is not written.
            Request::Renew { fence, ttl, answer } => drop(answer.send(self.renew(&fence, ttl))),
            Request::Release { fence, answer } => drop(answer.send(self.release(&fence))),
            Request::Held { prefix, answer } => drop(answer.send(Ok(self.held(&prefix)))),
            Request::Write => {}
        }
    }

    fn acquire(&mut self, shard: &str, owner: &str, ttl: Duration) -> Result<Fence, StoreError> {
        let now = self.clock.now();
        let fence = self.owner(shard)?.acquire(shard, owner, now, ttl)?;
        self.group
            .change(owner_key(shard), Some(owner_value(fence.epoch, owner)));
        Ok(fence)
    }

    /// Checks a commit and gives its changes their place.
    pub(crate) fn commit(&mut self, fence: &Fence, batch: &Batch) -> Result<(), StoreError> {
        self.owner(&fence.shard)?.check(fence)?;
        let shard = ShardPrefix::new(&fence.shard);
        for op in batch.ops() {
            self.group.change(shard.key(op.key()), op.value().cloned());
        }
        Ok(())
    }

    fn renew(&mut self, fence: &Fence, ttl: Duration) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.owner(&fence.shard)?.renew(fence, now, ttl)
    }

    fn release(&mut self, fence: &Fence) -> Result<(), StoreError> {
        self.owner(&fence.shard)?.release(fence);
        Ok(())
    }

    fn held(&self, prefix: &str) -> Vec<Held> {
        let now = self.clock.now();
        let owners = self.owners.iter();
        let owners = owners.filter(|(shard, _)| shard.starts_with(prefix));
        let mut held: Vec<_> = owners
            .filter_map(|(shard, owner)| owner.held(shard, now))
            .collect();
        held.sort_by(|a, b| a.shard.cmp(&b.shard));
        held
    }

    /// Who owns the shard; at first use, as an earlier process left it.
    fn owner(&mut self, shard: &str) -> Result<&mut Ownership, StoreError> {
        refuse_after(&self.failure)?;
        if !self.owners.contains_key(shard) {
            let left = self.stored_owner(shard)?;
            self.owners.insert(shard.to_owned(), left);
        }
        Ok(self.owners.entry(shard.to_owned()).or_default())
    }

    fn stored_owner(&self, shard: &str) -> Result<Ownership, StoreError> {
        let row = self
            .directory
            .keyspace
            .get(owner_key(shard))
            .map_err(reading)?;
        let epoch = row.map_or(Ok(0), |row| epoch_of(&row))?;
        Ok(Ownership::left_at(epoch))
    }
}

/// Refuses everything after a failed write: what a failed sync left on the disk
/// is only known after opening it again.
pub(crate) fn refuse_after(failure: &OnceLock<Arc<str>>) -> Result<(), StoreError> {
    match failure.get() {
        Some(why) => Err(StoreError::Unavailable(
            format!("closed after a failed write: {why}").into(),
        )),
        None => Ok(()),
    }
}

impl Group {
    fn wanted(&mut self, waiting: Waiting) {
        self.is_wanted = true;
        self.waiting.push(waiting);
    }

    fn change(&mut self, key: Vec<u8>, value: Option<Bytes>) {
        self.bytes += key.len() + value.as_ref().map_or(0, Bytes::len);
        self.changes.push((key, value));
    }
}

impl Waiting {
    /// Whoever no longer waits is not told.
    pub(crate) fn answer(self, outcome: &Result<(), StoreError>) {
        match self {
            Self::Acquired(answer, fence) => drop(answer.send(outcome.clone().map(|()| fence))),
            Self::Done(answer) => drop(answer.send(outcome.clone())),
        }
    }
}
