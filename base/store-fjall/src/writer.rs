//! What writes. On the storage thread everything that waits becomes one batch and one sync;
//! a commit to a store that is idle and quick is made by whoever asks for it, which spares two
//! threads the way to each other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use clock::SharedClock;
use fjall::PersistMode;
use store::{Batch, Fence, Held, Ownership, StoreError};
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;

use crate::directory::Directory;
use crate::error::reading;
use crate::keys::{ShardPrefix, epoch_of, owner_key, owner_value};

/// The most requests that wait for the storage thread.
pub(crate) const QUEUE: usize = 1_024;
/// A group takes no further request once it holds this many bytes.
const GROUP_BYTES: usize = 16 << 20;
/// Whoever asks waits for a sync that lasts as long as this at most; other tasks of its thread
/// wait with it.
const QUICK: Duration = Duration::from_millis(1);
/// Changes of a commit beyond which whoever asks prepares the next meanwhile.
const FEW: usize = 32;

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
        /// Told that it has its place; it then waits for a commit that does not ask for this.
        placed: Option<Answer<()>>,
        answer: Answer<()>,
    },
}

/// What is known to whoever writes.
pub(crate) struct Writer {
    pub(crate) directory: Arc<Directory>,
    pub(crate) clock: SharedClock,
    /// Set once when a write failed; from then on nothing is written.
    pub(crate) failure: Arc<OnceLock<Arc<str>>>,
    owners: HashMap<String, Ownership>,
    /// When the last write ended, and how long it took, by the clock's elapsed time.
    last: (Duration, Duration),
    /// Commits that wait for another to be written with.
    ahead: Group,
}

/// What a key shall hold, if anything.
type Change = (Vec<u8>, Option<Bytes>);

/// What is to be written together, and who waits for it.
#[derive(Default)]
struct Group {
    /// In the order in which they were asked for.
    changes: Vec<Change>,
    bytes: usize,
    waiting: Vec<Waiting>,
    /// Whether somebody wants it to be written now.
    is_wanted: bool,
}

/// A group that was written, or could not be.
struct Written {
    outcome: Result<(), StoreError>,
    waiting: Vec<Waiting>,
}

/// An answer that is true once the group is on stable storage.
enum Waiting {
    Acquired(Answer<Fence>, Fence),
    Done(Answer<()>),
}

impl Writer {
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
            // Nothing is known of its disk.
            last: (Duration::ZERO, QUICK),
            ahead: Group::default(),
        }
    }

    /// Serves until every sender is gone.
    pub(crate) fn run(writer: &Mutex<Self>, mut requests: Receiver<Request>) {
        let lock = || writer.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(first) = requests.blocking_recv() {
            let written = lock().serve(first, &mut requests);
            if let Some(written) = written {
                // Who is answered finds the store free.
                drop(written.answer());
            }
        }
        lock().finish_ahead();
    }

    /// Writes `first` and what waits with it, unless all of it waits for another.
    fn serve(&mut self, first: Request, requests: &mut Receiver<Request>) -> Option<Written> {
        let group = self.gather(first, requests);
        if group.is_wanted || group.is_full() {
            return Some(self.finish(group));
        }
        self.ahead = group;
        None
    }

    /// Writes what waits for a commit that will not come.
    fn finish_ahead(&mut self) {
        let ahead = std::mem::take(&mut self.ahead);
        if !ahead.waiting.is_empty() {
            drop(self.finish(ahead).answer());
        }
    }

    /// Whether the commit will have to wait for nobody, and not for long: nothing was written for
    /// longer than a write takes. Under load the next comes sooner, and whoever asks has better
    /// things to do than to wait.
    pub(crate) fn is_idle_for(&self, batch: &Batch) -> bool {
        let (ended, took) = self.last;
        let rested = self.clock.elapsed().saturating_sub(ended);
        self.ahead.changes.len() + batch.len() <= FEW && took < QUICK && rested > took
    }

    /// Commits on the thread of whoever asks, with what is ahead.
    pub(crate) fn commit_here(&mut self, fence: &Fence, batch: &Batch) -> Result<(), StoreError> {
        let mut group = std::mem::take(&mut self.ahead);
        match self.commit(fence, batch, &mut group) {
            Ok(()) => self.finish(group).answer(),
            Err(error) => {
                self.ahead = group;
                Err(error)
            }
        }
    }

    /// Places a commit ahead of the next; the answer comes when both are written.
    pub(crate) fn place_here(
        &mut self,
        fence: &Fence,
        batch: &Batch,
    ) -> Result<Answered<()>, StoreError> {
        let mut group = std::mem::take(&mut self.ahead);
        let placed = self.commit(fence, batch, &mut group).map(|()| {
            let (answer, answered) = oneshot::channel();
            group.waiting.push(Waiting::Done(answer));
            answered
        });
        self.ahead = group;
        placed
    }

    /// Whether no more may be placed ahead.
    pub(crate) fn is_full(&self) -> bool {
        self.ahead.is_full()
    }

    /// Takes what is ahead, `first`, and whatever waits behind it.
    fn gather(&mut self, first: Request, requests: &mut Receiver<Request>) -> Group {
        let mut group = std::mem::take(&mut self.ahead);
        self.admit(first, &mut group);
        while !group.is_full() {
            match requests.try_recv() {
                Ok(request) => self.admit(request, &mut group),
                Err(_) => break,
            }
        }
        group
    }

    /// Checks one request and puts its changes into the group; a refused one is
    /// answered at once.
    fn admit(&mut self, request: Request, group: &mut Group) {
        match request {
            Request::Acquire {
                shard,
                owner,
                ttl,
                answer,
            } => match self.acquire(&shard, &owner, ttl, group) {
                Ok(fence) => group.wanted(Waiting::Acquired(answer, fence)),
                Err(error) => drop(answer.send(Err(error))),
            },
            Request::Commit {
                fence,
                batch,
                placed,
                answer,
            } => match (self.commit(&fence, &batch, group), placed) {
                (Ok(()), None) => group.wanted(Waiting::Done(answer)),
                (Ok(()), Some(placed)) => {
                    group.waiting.push(Waiting::Done(answer));
                    drop(placed.send(Ok(())));
                }
                (Err(error), placed) => drop(placed.unwrap_or(answer).send(Err(error))),
            },
            // The time of a holder ends with this process, so it is not written.
            Request::Renew { fence, ttl, answer } => drop(answer.send(self.renew(&fence, ttl))),
            Request::Release { fence, answer } => drop(answer.send(self.release(&fence))),
            Request::Held { prefix, answer } => drop(answer.send(Ok(self.held(&prefix)))),
        }
    }

    fn acquire(
        &mut self,
        shard: &str,
        owner: &str,
        ttl: Duration,
        group: &mut Group,
    ) -> Result<Fence, StoreError> {
        let now = self.clock.now();
        let fence = self.owner(shard)?.acquire(shard, owner, now, ttl)?;
        group.change(owner_key(shard), Some(owner_value(fence.epoch, owner)));
        Ok(fence)
    }

    fn commit(
        &mut self,
        fence: &Fence,
        batch: &Batch,
        group: &mut Group,
    ) -> Result<(), StoreError> {
        self.owner(&fence.shard)?.check(fence)?;
        let shard = ShardPrefix::new(&fence.shard);
        for op in batch.ops() {
            group.change(shard.key(op.key()), op.value().cloned());
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

    /// Writes the group and syncs.
    fn finish(&mut self, group: Group) -> Written {
        Written {
            outcome: self.write_group(group.changes),
            waiting: group.waiting,
        }
    }

    fn write_group(&mut self, changes: Vec<Change>) -> Result<(), StoreError> {
        let begun = self.clock.elapsed();
        let outcome = self.write(changes);
        let ended = self.clock.elapsed();
        self.last = (ended, ended.saturating_sub(begun));
        if let Err(error) = &outcome {
            tracing::error!(%error, "the store takes no more writes; restart it");
            self.failure.get_or_init(|| error.to_string().into());
        }
        outcome
    }

    fn write(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let keyspace = &self.directory.keyspace;
        let mut batch = self
            .directory
            .database
            .batch()
            .durability(Some(PersistMode::SyncData));
        for (key, value) in last_of_each(changes) {
            match value {
                Some(value) => batch.insert(keyspace, key, &value[..]),
                None => batch.remove(keyspace, key),
            }
        }
        batch.commit().map_err(write_failed)?;
        self.directory.bound_memtable().map_err(write_failed)?;
        self.directory.publish();
        Ok(())
    }
}

/// By key, because the engine orders the changes of one batch by key alone.
fn last_of_each(mut changes: Vec<Change>) -> impl Iterator<Item = Change> {
    // Equal keys stay in their order; most changes come in that of their keys.
    changes.sort_by(|a, b| a.0.cmp(&b.0));
    let mut changes = changes.into_iter().peekable();
    std::iter::from_fn(move || {
        let mut last = changes.next()?;
        while let Some(later) = changes.next_if(|next| next.0 == last.0) {
            last = later;
        }
        Some(last)
    })
}

/// Whether anything was written cannot be told, except when the engine had
/// already refused to write.
fn write_failed(error: fjall::Error) -> StoreError {
    match error {
        fjall::Error::Poisoned => StoreError::Unavailable("an earlier write had failed".into()),
        error => StoreError::Unknown(error.to_string().into()),
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

    fn is_full(&self) -> bool {
        self.bytes >= GROUP_BYTES || self.waiting.len() >= QUEUE
    }

    fn change(&mut self, key: Vec<u8>, value: Option<Bytes>) {
        self.bytes += key.len() + value.as_ref().map_or(0, Bytes::len);
        self.changes.push((key, value));
    }
}

impl Written {
    /// Answers everybody who waits for it.
    fn answer(self) -> Result<(), StoreError> {
        for waiting in self.waiting {
            waiting.answer(&self.outcome);
        }
        self.outcome
    }
}

impl Waiting {
    /// Whoever no longer waits is not told.
    fn answer(self, outcome: &Result<(), StoreError>) {
        match self {
            Self::Acquired(answer, fence) => drop(answer.send(outcome.clone().map(|()| fence))),
            Self::Done(answer) => drop(answer.send(outcome.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_change_of_a_key_holds() {
        let change = |key: &str, value: Option<&'static str>| {
            (key.as_bytes().to_vec(), value.map(Bytes::from))
        };
        let changes = vec![
            change("b", Some("1")),
            change("a", Some("2")),
            change("b", None),
            change("c", None),
            change("b", Some("3")),
            change("c", Some("4")),
            change("c", None),
        ];
        let last: Vec<_> = last_of_each(changes).collect();
        let expected = [
            change("a", Some("2")),
            change("b", Some("3")),
            change("c", None),
        ];
        assert_eq!(last, expected);
        assert_eq!(last_of_each(Vec::new()).count(), 0);
    }
}
