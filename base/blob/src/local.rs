//! A blob store in a directory.
//!
//! ```text
//! sha256/ab/cdef…   the bytes, read-only, by digest
//! memo/ab/cdef…     what is remembered under a key
//! staging/…         files that are not published yet, one directory per process
//! ```
//! A name below `sha256` or `memo` appears by `link(2)` of a file that is on
//! stable storage, so it is never seen half-written and never overwritten.

mod files;
mod memo;
mod publish;
mod read;
mod staging;
mod upkeep;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use clock::Timestamp;

use crate::{BlobError, BlobRef, BlobStore, Digest, Kept, Memo, StagedFile};
use staging::Staging;

/// Digests whose files this process has verified; forgotten when there are more.
const VERIFIED: usize = 100_000;

/// Blobs in a directory of this machine. Cheap to clone; any number of processes may share
/// the directory.
#[derive(Clone, Debug)]
pub struct LocalBlobs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    root: PathBuf,
    staging: Staging,
    verified: Mutex<HashSet<Digest>>,
}

impl LocalBlobs {
    /// Opens the store `name` in the directory `root`, creating what is missing.
    ///
    /// # Errors
    /// [`BlobError::Io`] when the directory cannot be created or written.
    pub fn open(name: &str, root: &Path) -> Result<Self, BlobError> {
        files::create_tree(root)?;
        let root = root.canonicalize();
        let root = root.map_err(files::io("resolve the blob directory", Path::new(name)))?;
        Ok(Self(Arc::new(Inner {
            name: name.to_owned(),
            staging: Staging::claim(&root.join(files::STAGING))?,
            root,
            verified: Mutex::default(),
        })))
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, BlobError> + Send + 'static,
    ) -> Result<T, BlobError> {
        let inner = self.0.clone();
        let done = tokio::task::spawn_blocking(move || work(&inner)).await;
        let lost = |lost| files::io("work on", &self.0.root)(std::io::Error::other(lost));
        done.map_err(lost)?
    }
}

impl Inner {
    fn reference(&self, digest: Digest, size: u64, content_type: &str) -> BlobRef {
        BlobRef {
            store: self.name.clone(),
            digest,
            size,
            content_type: content_type.to_owned(),
        }
    }

    fn blob_path(&self, digest: Digest) -> PathBuf {
        files::sharded(&self.root.join(files::BLOBS), digest)
    }

    fn is_verified(&self, digest: Digest) -> bool {
        let verified = self.verified.lock();
        let verified = verified.unwrap_or_else(PoisonError::into_inner);
        verified.contains(&digest)
    }

    fn forget_verified(&self, digest: Digest) {
        let verified = self.verified.lock();
        let mut verified = verified.unwrap_or_else(PoisonError::into_inner);
        verified.remove(&digest);
    }

    fn set_verified(&self, digest: Digest) {
        let verified = self.verified.lock();
        let mut verified = verified.unwrap_or_else(PoisonError::into_inner);
        if verified.len() >= VERIFIED {
            verified.clear();
        }
        verified.insert(digest);
    }
}

#[async_trait]
impl BlobStore for LocalBlobs {
    fn name(&self) -> &str {
        &self.0.name
    }

    async fn put(&self, bytes: Bytes, content_type: &str) -> Result<BlobRef, BlobError> {
        let content_type = content_type.to_owned();
        self.blocking(move |inner| inner.put(&bytes, &content_type))
            .await
    }

    async fn publish(&self, file: StagedFile) -> Result<BlobRef, BlobError> {
        self.blocking(move |inner| inner.publish(&file)).await
    }

    async fn get(&self, blob: &BlobRef, limit: u64) -> Result<Bytes, BlobError> {
        let blob = blob.clone();
        self.blocking(move |inner| inner.get(&blob, limit)).await
    }

    async fn contains(&self, blob: &BlobRef) -> Result<bool, BlobError> {
        let blob = blob.clone();
        self.blocking(move |inner| inner.contains(&blob)).await
    }

    async fn touch(&self, blob: &BlobRef) -> Result<bool, BlobError> {
        let blob = blob.clone();
        self.blocking(move |inner| inner.touch(&blob)).await
    }

    async fn look(&self, digest: Digest) -> Result<Option<Kept>, BlobError> {
        self.blocking(move |inner| inner.look(digest)).await
    }

    async fn list(&self, first: u8) -> Result<Vec<Kept>, BlobError> {
        self.blocking(move |inner| inner.list(first)).await
    }

    async fn peek(&self, digest: Digest, limit: u64) -> Result<Bytes, BlobError> {
        self.blocking(move |inner| inner.peek(digest, limit)).await
    }

    async fn remove_untouched(&self, digest: Digest, since: Timestamp) -> Result<bool, BlobError> {
        self.blocking(move |inner| inner.remove_untouched(digest, since))
            .await
    }

    async fn local_path(&self, blob: &BlobRef, _into: &Path) -> Result<PathBuf, BlobError> {
        let blob = blob.clone();
        self.blocking(move |inner| inner.verified_path(&blob)).await
    }

    async fn staging(&self, key: &str) -> Result<PathBuf, BlobError> {
        let key = key.to_owned();
        self.blocking(move |inner| inner.staging.directory(&key))
            .await
    }

    async fn discard(&self, staging: &Path) -> Result<(), BlobError> {
        let staging = staging.to_owned();
        self.blocking(move |inner| inner.staging.discard(&staging))
            .await
    }

    async fn sweep_staging(&self) -> Result<usize, BlobError> {
        self.blocking(|inner| inner.staging.sweep()).await
    }

    async fn memo_put(&self, key: Digest, value: Bytes) -> Result<Bytes, BlobError> {
        self.blocking(move |inner| inner.memo_put(key, &value))
            .await
    }

    async fn memo_get(&self, key: Digest) -> Result<Option<Bytes>, BlobError> {
        self.blocking(move |inner| inner.memo_get(key)).await
    }

    async fn memos(&self, first: u8) -> Result<Vec<Memo>, BlobError> {
        self.blocking(move |inner| inner.memos(first)).await
    }

    async fn memo_forget(&self, key: Digest, since: Timestamp) -> Result<bool, BlobError> {
        self.blocking(move |inner| inner.memo_forget(key, since))
            .await
    }
}
