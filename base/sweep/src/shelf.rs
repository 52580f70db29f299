use async_trait::async_trait;
use blob::{BlobError, BlobStore, Digest, Kept, Memo};
use bytes::Bytes;
use clock::Timestamp;

/// What a pass needs of a blob store. See the methods of [`BlobStore`].
#[async_trait]
pub trait Shelf: Send + Sync {
    async fn look(&self, digest: Digest) -> Result<Option<Kept>, BlobError>;
    async fn list(&self, first: u8) -> Result<Vec<Kept>, BlobError>;
    async fn peek(&self, digest: Digest, limit: u64) -> Result<Bytes, BlobError>;
    async fn remove_untouched(&self, digest: Digest, since: Timestamp) -> Result<bool, BlobError>;
    async fn memos(&self, first: u8) -> Result<Vec<Memo>, BlobError>;
    async fn memo_forget(&self, key: Digest, since: Timestamp) -> Result<bool, BlobError>;
}

#[async_trait]
impl<S: BlobStore + ?Sized> Shelf for S {
    async fn look(&self, digest: Digest) -> Result<Option<Kept>, BlobError> {
        BlobStore::look(self, digest).await
    }

    async fn list(&self, first: u8) -> Result<Vec<Kept>, BlobError> {
        BlobStore::list(self, first).await
    }

    async fn peek(&self, digest: Digest, limit: u64) -> Result<Bytes, BlobError> {
        BlobStore::peek(self, digest, limit).await
    }

    async fn remove_untouched(&self, digest: Digest, since: Timestamp) -> Result<bool, BlobError> {
        BlobStore::remove_untouched(self, digest, since).await
    }

    async fn memos(&self, first: u8) -> Result<Vec<Memo>, BlobError> {
        BlobStore::memos(self, first).await
    }

    async fn memo_forget(&self, key: Digest, since: Timestamp) -> Result<bool, BlobError> {
        BlobStore::memo_forget(self, key, since).await
    }
}
