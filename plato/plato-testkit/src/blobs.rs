use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use blob::{BlobError, BlobRef, BlobStore, Digest, StagedFile};
use bytes::Bytes;

/// Blobs in memory. It holds bytes, and nothing that is a file.
#[derive(Clone, Debug, Default)]
pub struct MemoryBlobs(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    blobs: HashMap<Digest, Bytes>,
    memos: HashMap<Digest, Bytes>,
}

impl MemoryBlobs {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Files are of no use to a workflow, which only ever sees references.
fn no_files<T>(action: &'static str) -> Result<T, BlobError> {
    Err(BlobError::Io {
        action,
        path: PathBuf::from("memory"),
        source: io::ErrorKind::Unsupported.into(),
    })
}

#[async_trait]
impl BlobStore for MemoryBlobs {
    fn name(&self) -> &str {
        "memory"
    }

    async fn put(&self, bytes: Bytes, content_type: &str) -> Result<BlobRef, BlobError> {
        let blob = BlobRef {
            store: self.name().to_owned(),
            digest: Digest::of(&bytes),
            size: bytes.len() as u64,
            content_type: content_type.to_owned(),
        };
        self.held().blobs.insert(blob.digest, bytes);
        Ok(blob)
    }

    async fn publish(&self, _: StagedFile) -> Result<BlobRef, BlobError> {
        no_files("publish a file in")
    }

    async fn get(&self, blob: &BlobRef, limit: u64) -> Result<Bytes, BlobError> {
        let digest = blob.digest;
        let bytes = self.held().blobs.get(&digest).cloned();
        match bytes.ok_or(BlobError::NotFound(digest))? {
            bytes if bytes.len() as u64 <= limit => Ok(bytes),
            bytes => Err(BlobError::TooLarge {
                digest,
                size: bytes.len() as u64,
                limit,
            }),
        }
    }

    async fn contains(&self, blob: &BlobRef) -> Result<bool, BlobError> {
        Ok(self.held().blobs.contains_key(&blob.digest))
    }

    async fn local_path(&self, _: &BlobRef, _: &Path) -> Result<PathBuf, BlobError> {
        no_files("make a file in")
    }

    async fn staging(&self, _: &str) -> Result<PathBuf, BlobError> {
        no_files("make a directory in")
    }

    async fn discard(&self, _: &Path) -> Result<(), BlobError> {
        Ok(())
    }

    async fn sweep_staging(&self) -> Result<usize, BlobError> {
        Ok(0)
    }

    async fn memo_put(&self, key: Digest, value: Bytes) -> Result<Bytes, BlobError> {
        Ok(self.held().memos.entry(key).or_insert(value).clone())
    }

    async fn memo_get(&self, key: Digest) -> Result<Option<Bytes>, BlobError> {
        Ok(self.held().memos.get(&key).cloned())
    }
}
