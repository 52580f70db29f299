use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use blob::{BlobError, BlobRef, BlobStore, Digest, Kept, Memo, StagedFile};
use bytes::Bytes;
use clock::Timestamp;

/// Blobs in memory. It holds bytes, and nothing that is a file. None of them ages.
#[derive(Clone, Debug, Default)]
pub struct MemoryBlobs(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    blobs: HashMap<Digest, Bytes>,
    memos: HashMap<Digest, Bytes>,
}

impl Held {
    fn kept(&self, digest: Digest) -> Option<Kept> {
        self.blobs.get(&digest).map(|bytes| Kept {
            digest,
            size: bytes.len() as u64,
            touched: Timestamp::MAX,
        })
    }
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

    async fn touch(&self, blob: &BlobRef) -> Result<bool, BlobError> {
        self.contains(blob).await
    }

    async fn look(&self, digest: Digest) -> Result<Option<Kept>, BlobError> {
        Ok(self.held().kept(digest))
    }

    async fn list(&self, first: u8) -> Result<Vec<Kept>, BlobError> {
        let held = self.held();
        let digests = held.blobs.keys();
        let listed = digests.filter(|digest| digest.to_bytes()[0] == first);
        Ok(listed.filter_map(|digest| held.kept(*digest)).collect())
    }

    async fn peek(&self, digest: Digest, limit: u64) -> Result<Bytes, BlobError> {
        let bytes = self.held().blobs.get(&digest).cloned();
        let bytes = bytes.ok_or(BlobError::NotFound(digest))?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(bytes.slice(..bytes.len().min(limit)))
    }

    async fn remove_untouched(&self, _: Digest, _: Timestamp) -> Result<bool, BlobError> {
        Ok(false)
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

    async fn memos(&self, first: u8) -> Result<Vec<Memo>, BlobError> {
        let held = self.held();
        let memos = held.memos.iter();
        let listed = memos.filter(|(key, _)| key.to_bytes()[0] == first);
        let told = listed.map(|(key, value)| Memo {
            key: *key,
            value: value.clone(),
            touched: Timestamp::MAX,
        });
        Ok(told.collect())
    }

    async fn memo_forget(&self, _: Digest, _: Timestamp) -> Result<bool, BlobError> {
        Ok(false)
    }
}
