use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clock::{SharedClock, Timestamp};
use store::limits::{check_batch, check_name};
use store::{
    Ahead, Batch, Entry, Fence, Held, KeyRange, Record, Snapshot, Store, StoreError, Walk,
};
use tokio::sync::{mpsc, oneshot};

use crate::Options;
use crate::directory::Directory;
use crate::error::io;
use crate::keys::ShardPrefix;
use crate::places::{Answered, QUEUE, Request, refuse_after};
use crate::reader::{Everything, Reader};
use crate::writer::Writer;

/// A store in a directory of this machine, used by one process at a time.
///
/// After a write or sync has failed nothing more is read or written: what the
/// disk holds is only known after opening it again. Dropping the store waits for
/// the writes under way and closes the directory, once no snapshot is left.
pub struct FjallStore {
    path: PathBuf,
    clock: SharedClock,
    directory: Arc<Directory>,
    failure: Arc<OnceLock<Arc<str>>>,
    writer: Arc<Writer>,
    /// Whether the storage thread will look at what is wanted.
    woken: Arc<AtomicBool>,
    /// Whether whoever asks may write.
    in_place: bool,
    /// `None` only while the store is being dropped.
    requests: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl FjallStore {
    /// Opens the store at `path`, creating it if it is absent. Ownership times
    /// are measured by `clock`. Blocks while changes since the last tables were
    /// written are read again.
    ///
    /// [`StoreError::Unavailable`] if another process has it open or the
    /// directory cannot be used, [`StoreError::Corrupt`] if it cannot be read.
    pub fn open(path: impl AsRef<Path>, clock: SharedClock) -> Result<Self, StoreError> {
        Self::open_with(path, clock, Options::default())
    }

    /// As [`FjallStore::open`], with other use of memory.
    pub fn open_with(
        path: impl AsRef<Path>,
        clock: SharedClock,
        options: Options,
    ) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        let directory = Arc::new(Directory::open(&path, options)?);
        let failure = Arc::default();
        let writer = Writer::new(
            Arc::clone(&directory),
            Arc::clone(&clock),
            Arc::clone(&failure),
        );
        let woken = writer.woken();
        let writer = Arc::new(writer);
        let (requests, receiver) = mpsc::channel(QUEUE);
        let thread = spawn(Arc::clone(&writer), receiver);
        let thread = thread.map_err(|error| io("start a thread for", &path, &error))?;
        Ok(Self {
            path,
            clock,
            directory,
            failure,
            writer,
            woken,
            in_place: options.in_place,
            requests: Some(requests),
            thread: Some(thread),
        })
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Request,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let requests = self.requests.as_ref().ok_or_else(closed)?;
        requests.send(request(answer)).await.map_err(|_| closed())?;
        answered.await.unwrap_or_else(|_| ended())
    }

    /// Commits here and now, if nobody else writes or waits to.
    fn commit_here(&self, fence: &Fence, batch: &Batch) -> Option<Result<(), StoreError>> {
        if !self.in_place || self.requests_wait()? {
            return None;
        }
        self.writer.commit_here(fence, batch)
    }

    /// Gives a commit its place; where that is `wanted`, the storage thread is told.
    async fn place(
        &self,
        fence: &Fence,
        batch: Batch,
        wanted: bool,
    ) -> Result<Answered<()>, StoreError> {
        let answered = match self.writer.place_here(fence, &batch, wanted) {
            Some(placed) => placed?,
            None => return self.place_there(fence.clone(), batch, wanted).await,
        };
        if wanted {
            self.wake()?;
        }
        Ok(answered)
    }

    /// The same by the storage thread, when there is room.
    async fn place_there(
        &self,
        fence: Fence,
        batch: Batch,
        wanted: bool,
    ) -> Result<Answered<()>, StoreError> {
        self.ask(|placed| Request::Commit {
            fence,
            batch,
            wanted,
            placed,
        })
        .await
    }

    /// Has the storage thread look at what is wanted, unless it will anyway.
    fn wake(&self) -> Result<(), StoreError> {
        let requests = self.requests.as_ref().ok_or_else(closed)?;
        if self.woken.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        match requests.try_send(Request::Write) {
            // Where there is no room it looks after each of those before.
            Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => ended(),
        }
    }

    /// Whether the storage thread has something to do; `None` when it has ended.
    fn requests_wait(&self) -> Option<bool> {
        let requests = self.requests.as_ref()?;
        Some(requests.capacity() < requests.max_capacity())
    }

    fn reader(&self, shard: &str) -> Result<Reader, StoreError> {
        refuse_after(&self.failure)?;
        Ok(Reader {
            view: self.directory.view(),
            keyspace: self.directory.keyspace.clone(),
            shard: ShardPrefix::new(shard),
        })
    }
}

fn spawn(
    writer: Arc<Writer>,
    requests: mpsc::Receiver<Request>,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("store".to_owned())
        .spawn(move || writer.run(requests))
}

fn ahead(answered: Answered<()>) -> Ahead {
    Ahead::new(async { answered.await.unwrap_or_else(|_| ended()) })
}

fn ended<T>() -> Result<T, StoreError> {
    Err(StoreError::Unknown("the storage thread ended".into()))
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".into())
}

impl Drop for FjallStore {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // It panicked only if the engine did; there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for FjallStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FjallStore")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for FjallStore {
    async fn acquire(&self, shard: &str, owner: &str, ttl: Duration) -> Result<Fence, StoreError> {
        check_name("shard", shard)?;
        check_name("owner", owner)?;
        let (shard, owner) = (shard.to_owned(), owner.to_owned());
        self.ask(|answer| Request::Acquire {
            shard,
            owner,
            ttl,
            answer,
        })
        .await
    }

    async fn renew(&self, fence: &Fence, ttl: Duration) -> Result<(), StoreError> {
        let fence = fence.clone();
        self.ask(|answer| Request::Renew { fence, ttl, answer })
            .await
    }

    async fn release(&self, fence: &Fence) -> Result<(), StoreError> {
        let fence = fence.clone();
        self.ask(|answer| Request::Release { fence, answer }).await
    }

    async fn held(&self, prefix: &str) -> Result<Vec<Held>, StoreError> {
        let prefix = prefix.to_owned();
        self.ask(|answer| Request::Held { prefix, answer }).await
    }

    async fn commit(&self, fence: &Fence, batch: Batch) -> Result<(), StoreError> {
        check_batch(&batch)?;
        if let Some(committed) = self.commit_here(fence, &batch) {
            return committed;
        }
        let answered = self.place(fence, batch, true).await?;
        answered.await.unwrap_or_else(|_| ended())
    }

    async fn commit_ahead(&self, fence: &Fence, batch: Batch) -> Result<Ahead, StoreError> {
        check_batch(&batch)?;
        Ok(ahead(self.place(fence, batch, false).await?))
    }

    async fn commit_soon(&self, fence: &Fence, batch: Batch) -> Result<Ahead, StoreError> {
        check_batch(&batch)?;
        if let Some(committed) = self.commit_here(fence, &batch) {
            return committed.map(|()| Ahead::stored());
        }
        Ok(ahead(self.place(fence, batch, true).await?))
    }

    async fn get(&self, shard: &str, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.reader(shard)?.get(key)
    }

    async fn range(
        &self,
        shard: &str,
        range: KeyRange,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let reader = self.reader(shard)?;
        aside(move || reader.range(&range, limit)).await
    }

    async fn snapshot(&self, shard: &str) -> Result<Box<dyn Snapshot>, StoreError> {
        let reader = self.reader(shard)?;
        Ok(Box::new(FjallSnapshot {
            reader,
            _directory: Arc::clone(&self.directory),
        }))
    }

    async fn walk(&self) -> Result<Box<dyn Walk>, StoreError> {
        refuse_after(&self.failure)?;
        Ok(Box::new(FjallWalk {
            everything: Everything::new(self.directory.view(), self.directory.keyspace.clone()),
            _directory: Arc::clone(&self.directory),
        }))
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.clock.now())
    }
}

/// A page, or many values, may touch many blocks of the disk, so they are not read
/// on the runtime's threads; a single value is.
async fn aside<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(read)
        .await
        .unwrap_or_else(|error| Err(StoreError::Unavailable(error.to_string().into())))
}

struct FjallSnapshot {
    reader: Reader,
    /// Keeps the directory locked while it is read.
    _directory: Arc<Directory>,
}

#[async_trait]
impl Snapshot for FjallSnapshot {
    async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.reader.get(key)
    }

    async fn get_all(&self, keys: &[Bytes]) -> Result<Vec<Option<Bytes>>, StoreError> {
        if let [key] = keys {
            return Ok(vec![self.reader.get(key)?]);
        }
        let (reader, keys) = (self.reader.clone(), keys.to_vec());
        aside(move || reader.get_all(&keys)).await
    }

    async fn range(&self, range: KeyRange, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let reader = self.reader.clone();
        aside(move || reader.range(&range, limit)).await
    }
}

struct FjallWalk {
    everything: Everything,
    /// Keeps the directory locked while it is read.
    _directory: Arc<Directory>,
}

#[async_trait]
impl Walk for FjallWalk {
    async fn next(&mut self, limit: usize) -> Result<Vec<Record>, StoreError> {
        let mut everything = self.everything.clone();
        let read = aside(move || Ok((everything.next(limit)?, everything))).await;
        let (records, everything) = read?;
        self.everything = everything;
        Ok(records)
    }
}
