//! Writers, a store of references, blobs and a sweeper, whose steps a test interleaves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use blob::{BlobError, Digest, Kept, Memo};
use bytes::Bytes;
use clock::{ManualClock, Timestamp};
use sweep::{Pace, Pass, Report, Roots, Shelf, SweepError, Terms, references};
use tempfile::TempDir;

pub(crate) const GRACE: Duration = Duration::from_secs(100);
/// What is asked for again within that is not touched.
const YOUNG: Duration = Duration::from_secs(40);
pub(crate) const MEMOS_KEEP: Duration = Duration::from_secs(140);

#[derive(Clone, Debug)]
struct Blob {
    bytes: Bytes,
    touched: Timestamp,
}

/// Blobs in memory, by the test's time. Each call is one step of who makes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blobs(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    now: Timestamp,
    blobs: BTreeMap<Digest, Blob>,
    memos: BTreeMap<u8, Blob>,
}

impl State {
    /// Touches a blob and all that it refers to, as far as they are there; whether they are.
    fn touch(&mut self, digest: Digest) -> bool {
        let now = self.now;
        let Some(blob) = self.blobs.get_mut(&digest) else {
            return false;
        };
        blob.touched = now;
        let bytes = blob.bytes.clone();
        references(&bytes).all(|inner| self.touch(inner))
    }
}

impl Blobs {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn pass(&self, by: Duration) {
        let mut state = self.state();
        state.now = state.now + by;
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.state().now
    }

    pub(crate) fn put(&self, text: &str) -> Digest {
        let digest = Digest::of(text.as_bytes());
        let mut state = self.state();
        let touched = state.now;
        let bytes = Bytes::from(text.to_owned());
        state.blobs.insert(digest, Blob { bytes, touched });
        digest
    }

    pub(crate) fn remember(&self, key: u8, text: String) {
        let mut state = self.state();
        let touched = state.now;
        let bytes = Bytes::from(text);
        let memo = state.memos.entry(key).or_insert(Blob { bytes, touched });
        memo.touched = touched;
    }

    /// What is remembered.
    pub(crate) fn ask(&self, key: u8) -> Option<Bytes> {
        let mut state = self.state();
        let now = state.now;
        let memo = state.memos.get_mut(&key)?;
        if now.since(memo.touched) >= YOUNG {
            memo.touched = now;
        }
        Some(memo.bytes.clone())
    }

    /// Touches all that `bytes` refer to; whether all of it is there.
    pub(crate) fn touch(&self, bytes: &[u8]) -> bool {
        let mut state = self.state();
        references(bytes).all(|digest| state.touch(digest))
    }

    pub(crate) fn count(&self) -> usize {
        self.state().blobs.len()
    }

    /// What can be reached from these rows and the memos, and is not there.
    pub(crate) fn lost(&self, rows: &BTreeMap<u8, Bytes>) -> Vec<Digest> {
        let state = self.state();
        let memos = state.memos.values().map(|memo| &memo.bytes);
        let mut open: Vec<Bytes> = rows.values().chain(memos).cloned().collect();
        let (mut seen, mut lost) = (BTreeSet::new(), Vec::new());
        while let Some(bytes) = open.pop() {
            for digest in references(&bytes).filter(|digest| seen.insert(*digest)) {
                match state.blobs.get(&digest) {
                    Some(blob) => open.push(blob.bytes.clone()),
                    None => lost.push(digest),
                }
            }
        }
        lost
    }
}

/// Others go first.
async fn step() {
    tokio::task::yield_now().await;
}

#[async_trait]
impl Shelf for Blobs {
    async fn look(&self, digest: Digest) -> Result<Option<Kept>, BlobError> {
        step().await;
        Ok(self
            .state()
            .blobs
            .get(&digest)
            .map(|blob| kept(digest, blob)))
    }

    async fn list(&self, first: u8) -> Result<Vec<Kept>, BlobError> {
        let state = self.state();
        let all = state.blobs.iter();
        let all = all.filter(|(digest, _)| digest.to_bytes()[0] == first);
        Ok(all.map(|(digest, blob)| kept(*digest, blob)).collect())
    }

    async fn peek(&self, digest: Digest, limit: u64) -> Result<Bytes, BlobError> {
        step().await;
        let state = self.state();
        let blob = state.blobs.get(&digest);
        let bytes = &blob.ok_or(BlobError::NotFound(digest))?.bytes;
        Ok(bytes.slice(..bytes.len().min(limit as usize)))
    }

    async fn remove_untouched(&self, digest: Digest, since: Timestamp) -> Result<bool, BlobError> {
        step().await;
        let mut state = self.state();
        let goes = state
            .blobs
            .get(&digest)
            .is_some_and(|blob| blob.touched < since);
        if goes {
            state.blobs.remove(&digest);
        }
        Ok(goes)
    }

    async fn memos(&self, first: u8) -> Result<Vec<Memo>, BlobError> {
        // Others go first where there is something, so that not every pass takes 256 steps more.
        let memo = self.state().memos.get(&first).cloned();
        if memo.is_some() {
            step().await;
        }
        let told = memo.map(|memo| Memo {
            key: Digest::from_bytes([first; 32]),
            value: memo.bytes,
            touched: memo.touched,
        });
        Ok(told.into_iter().collect())
    }

    async fn memo_forget(&self, key: Digest, since: Timestamp) -> Result<bool, BlobError> {
        step().await;
        let (mut state, key) = (self.state(), key.to_bytes()[0]);
        let goes = state
            .memos
            .get(&key)
            .is_some_and(|memo| memo.touched < since);
        if goes {
            state.memos.remove(&key);
        }
        Ok(goes)
    }
}

fn kept(digest: Digest, blob: &Blob) -> Kept {
    Kept {
        digest,
        size: blob.bytes.len() as u64,
        touched: blob.touched,
    }
}

/// The rows of a store as they were, one at a time.
struct Rows(std::vec::IntoIter<Bytes>);

#[async_trait]
impl Roots for Rows {
    async fn next(&mut self) -> Result<Vec<Bytes>, SweepError> {
        step().await;
        Ok(self.0.next().into_iter().collect())
    }
}

/// A whole pass over these rows, as they are when it begins.
pub(crate) async fn pass(
    blobs: Blobs,
    rows: BTreeMap<u8, Bytes>,
    began: Timestamp,
    most: u64,
    dry_run: bool,
) -> Report {
    let folder = TempDir::new().unwrap();
    let pace = Pace::new(Arc::new(ManualClock::new(began)), 100);
    let terms = Terms {
        grace: GRACE,
        memos_keep: Some(MEMOS_KEEP),
        most,
        dry_run,
    };
    let mut pass = Pass::begin(began, terms, folder.path().to_owned(), pace);
    let rows: Vec<Bytes> = rows.into_values().collect();
    pass.mark(&mut Rows(rows.into_iter())).await.unwrap();
    pass.follow(&blobs).await.unwrap();
    pass.sweep(&blobs).await.unwrap()
}
