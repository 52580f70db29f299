//! What writes. On the storage thread everything that waits becomes one batch and one sync;
//! a commit to a store that is idle and quick is made by whoever asks for it, which spares two
//! threads the way to each other.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use clock::SharedClock;
use fjall::PersistMode;
use store::{Batch, Fence, StoreError};
use tokio::sync::mpsc::Receiver;

use crate::directory::Directory;
use crate::places::{Answered, Change, Group, Places, Request, Waiting, refuse_after};

/// Whoever asks waits for a sync that lasts as long as this at most; other tasks of its thread
/// wait with it.
const QUICK: Duration = Duration::from_millis(1);
/// Changes of a commit beyond which whoever asks prepares the next meanwhile.
const FEW: usize = 32;

/// Writes what has its place. Who locks both locks the disk first, so that groups are written in
/// the order in which they are taken.
pub(crate) struct Writer {
    disk: Mutex<Disk>,
    places: Mutex<Places>,
}

/// Where everything goes.
struct Disk {
    directory: Arc<Directory>,
    clock: SharedClock,
    failure: Arc<OnceLock<Arc<str>>>,
    /// When the last write ended, and how long it took, by the clock's elapsed time.
    last: (Duration, Duration),
}

/// A group that was written, or could not be.
#[must_use = "somebody waits for it"]
struct Written {
    outcome: Result<(), StoreError>,
    waiting: Vec<Waiting>,
}

impl Writer {
    pub(crate) fn new(
        directory: Arc<Directory>,
        clock: SharedClock,
        failure: Arc<OnceLock<Arc<str>>>,
    ) -> Self {
        let places = Places::new(
            Arc::clone(&directory),
            Arc::clone(&clock),
            Arc::clone(&failure),
        );
        let disk = Disk {
            directory,
            clock,
            failure,
            // Nothing is known of it.
            last: (Duration::ZERO, QUICK),
        };
        Self {
            disk: Mutex::new(disk),
            places: Mutex::new(places),
        }
    }

    /// Serves until every sender is gone.
    pub(crate) fn run(&self, mut requests: Receiver<Request>) {
        while let Some(first) = requests.blocking_recv() {
            self.places().admit(first);
            if let Some(written) = self.write_due(&mut requests) {
                drop(written.answer());
            }
        }
        // What waits for a commit that will not come.
        let mut disk = lock(&self.disk);
        let group = self.places().take();
        if !group.waiting.is_empty() {
            drop(disk.finish(group).answer());
        }
    }

    /// Writes what is due, and what waits behind it. Who is answered finds the disk free.
    fn write_due(&self, requests: &mut Receiver<Request>) -> Option<Written> {
        if !self.places().is_due() {
            return None;
        }
        let mut disk = lock(&self.disk);
        let group = self.gather(requests)?;
        Some(disk.finish(group))
    }

    /// What is due, unless somebody else has taken it.
    fn gather(&self, requests: &mut Receiver<Request>) -> Option<Group> {
        let mut places = self.places();
        while let (false, Ok(request)) = (places.is_full(), requests.try_recv()) {
            places.admit(request);
        }
        places.is_due().then(|| places.take())
    }

    /// Commits on the thread of whoever asks, with what has its place before; only if nobody
    /// writes, and not if whoever asks would have to wait for long.
    pub(crate) fn commit_here(
        &self,
        fence: &Fence,
        batch: &Batch,
    ) -> Option<Result<(), StoreError>> {
        let mut disk = self.disk.try_lock().ok()?;
        let mut places = self.places();
        if places.changes() + batch.len() > FEW || !disk.is_idle() {
            return None;
        }
        if let Err(refused) = places.commit(fence, batch) {
            return Some(Err(refused));
        }
        let group = places.take();
        drop(places);
        let written = disk.finish(group);
        drop(disk);
        Some(written.answer())
    }

    /// Gives a commit its place, also while others are written, if there is room.
    pub(crate) fn place_here(
        &self,
        fence: &Fence,
        batch: &Batch,
        wanted: bool,
    ) -> Option<Result<Answered<()>, StoreError>> {
        let mut places = self.places();
        (!places.is_full()).then(|| places.place(fence, batch, wanted))
    }

    /// Whether the storage thread will look at what is wanted.
    pub(crate) fn woken(&self) -> Arc<AtomicBool> {
        self.places().woken()
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        lock(&self.places)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk {
    /// Whether nothing was written for longer than a write takes, and that is not long. Under
    /// load the next comes sooner, and whoever asks has better things to do than to wait.
    fn is_idle(&self) -> bool {
        let (ended, took) = self.last;
        let rested = self.clock.elapsed().saturating_sub(ended);
        took < QUICK && rested > took
    }

    /// Writes the group and syncs.
    fn finish(&mut self, group: Group) -> Written {
        Written {
            outcome: self.write_group(group.changes),
            waiting: group.waiting,
        }
    }

    fn write_group(&mut self, changes: Vec<Change>) -> Result<(), StoreError> {
        let (begun, is_empty) = (self.clock.elapsed(), changes.is_empty());
        // What got its place while a write failed is not to outlive it.
        let outcome = refuse_after(&self.failure).and_then(|()| self.write(changes));
        let ended = self.clock.elapsed();
        // Where nothing changes nothing is synced, which tells nothing of the disk.
        if !is_empty {
            self.last = (ended, ended.saturating_sub(begun));
        }
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

impl Written {
    /// Answers everybody who waits for it.
    fn answer(self) -> Result<(), StoreError> {
        for waiting in self.waiting {
            waiting.answer(&self.outcome);
        }
        self.outcome
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may insist")]

    use bytes::Bytes;
    use clock::{ManualClock, Timestamp};
    use tokio::sync::{mpsc, oneshot};

    use super::*;
    use crate::Options;

    /// A writer without a thread, and a shard that is owned.
    struct Scene {
        clock: ManualClock,
        writer: Writer,
        fence: Fence,
        requests: Receiver<Request>,
        _folder: tempfile::TempDir,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let clock = ManualClock::new(Timestamp::from_unix_ms(0));
            let directory = Directory::open(folder.path(), Options::default()).unwrap();
            let (_, mut requests) = mpsc::channel(1);
            let writer = Writer::new(Arc::new(directory), Arc::new(clock.clone()), Arc::default());
            let (answer, mut fence) = oneshot::channel();
            writer.places().admit(Request::Acquire {
                shard: "s".into(),
                owner: "me".into(),
                ttl: Duration::from_secs(1),
                answer,
            });
            writer.write_due(&mut requests).unwrap().answer().unwrap();
            Self {
                clock,
                writer,
                fence: fence.try_recv().unwrap().unwrap(),
                requests,
                _folder: folder,
            }
        }

        /// Whether a commit of so many changes is made at once.
        fn commits_here(&self, changes: u8) -> bool {
            let made = self.writer.commit_here(&self.fence, &batch(changes));
            made.is_some_and(|made| made.is_ok())
        }

        fn value(&self, key: u8) -> Option<Bytes> {
            let keyspace = &lock(&self.writer.disk).directory.keyspace;
            let key = crate::keys::ShardPrefix::new("s").key(&[key]);
            let value = keyspace.get(key).unwrap();
            value.map(|value| Bytes::copy_from_slice(&value))
        }
    }

    fn batch(changes: u8) -> Batch {
        let mut batch = Batch::new();
        for change in 0..changes {
            batch.put(vec![change], vec![changes]);
        }
        batch
    }

    #[test]
    fn small_commits_to_an_idle_disk_are_made_here() {
        let scene = Scene::new();
        // No time has passed since it wrote.
        assert!(!scene.commits_here(1));
        scene.clock.advance(Duration::from_millis(1));
        assert!(!scene.commits_here(100));
        assert!(scene.commits_here(2));
        assert_eq!(scene.value(1).unwrap()[..], [2]);
        assert!(!scene.commits_here(1));
    }

    #[test]
    fn a_commit_gets_its_place_while_another_is_written() {
        let mut scene = Scene::new();
        let disk = lock(&scene.writer.disk);
        let placed = scene.writer.place_here(&scene.fence, &batch(1), false);
        let mut placed = placed.unwrap().unwrap();
        drop(disk);
        assert!(scene.writer.write_due(&mut scene.requests).is_none());
        assert!(placed.try_recv().is_err());
        scene.clock.advance(Duration::from_millis(1));
        assert!(scene.commits_here(2), "it takes along what is before it");
        placed.try_recv().unwrap().unwrap();
        assert_eq!(scene.value(0).unwrap()[..], [2]);
    }

    #[test]
    fn what_got_its_place_while_a_write_failed_is_not_written() {
        let scene = Scene::new();
        let disk = lock(&scene.writer.disk);
        let placed = scene.writer.place_here(&scene.fence, &batch(1), false);
        disk.failure.get_or_init(|| "the disk is gone".into());
        drop(disk);
        let (_, requests) = mpsc::channel(1);
        // Nobody asks any more: what waits is ended.
        scene.writer.run(requests);
        let refused = placed.unwrap().unwrap().try_recv().unwrap();
        assert!(matches!(refused, Err(StoreError::Unavailable(_))));
        assert_eq!(scene.value(0), None);
        assert!(!scene.commits_here(1));
    }

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
