use std::fmt;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clock::Timestamp;

use crate::{Batch, StoreError};

/// Proof of having owned a shard: valid until another owner acquires it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The shard this fence guards.
    pub shard: Arc<str>,
    /// Grows by one each time the shard changes hands.
    pub epoch: u64,
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub key: Bytes,
    pub value: Bytes,
}

/// The keys from `start` (inclusive or exclusive) up to, not including, `end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    pub start: Bound<Bytes>,
    /// `None`: to the last key.
    pub end: Option<Bytes>,
}

impl KeyRange {
    /// Every key.
    pub fn all() -> Self {
        Self { start: Bound::Unbounded, end: None }
    }

    /// Every key that begins with `prefix`.
    pub fn prefix(prefix: &[u8]) -> Self {
        Self { start: Bound::Included(Bytes::copy_from_slice(prefix)), end: after_prefix(prefix) }
    }

    /// The rest of this range after `key`, for reading page by page.
    pub fn after(self, key: Bytes) -> Self {
        Self { start: Bound::Excluded(key), end: self.end }
    }
}

/// The least key greater than every key with this prefix.
fn after_prefix(prefix: &[u8]) -> Option<Bytes> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end.into())
}

/// Something that remembers. See the crate documentation for the model.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Takes ownership of `shard` for `ttl`, under the next epoch.
    ///
    /// Refused with [`StoreError::Owned`] while another owner's time runs. The
    /// same `owner` (a name unique to one process start) may take it again at
    /// once; its older fence is then stale.
    async fn acquire(&self, shard: &str, owner: &str, ttl: Duration) -> Result<Fence, StoreError>;

    /// Extends ownership to `ttl` from now; [`StoreError::Fenced`] if it was lost.
    ///
    /// An owner whose time has lapsed but whose shard nobody took may renew.
    async fn renew(&self, fence: &Fence, ttl: Duration) -> Result<(), StoreError>;

    /// Gives the shard up, so that another can acquire it without waiting.
    /// Releasing a stale fence does nothing.
    async fn release(&self, fence: &Fence) -> Result<(), StoreError>;

    /// Applies `batch` to the fence's shard: all of it, on stable storage, or
    /// nothing. [`StoreError::Fenced`] if the shard has a newer epoch.
    ///
    /// Commits made at the same time share one sync. Operations of one batch
    /// apply in order. After [`StoreError::Unknown`] the caller cannot tell
    /// whether the batch was applied and must read again.
    async fn commit(&self, fence: &Fence, batch: Batch) -> Result<(), StoreError>;

    /// The value of `key`, if any.
    async fn get(&self, shard: &str, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// Up to `limit` entries of `range`, in key order.
    async fn range(&self, shard: &str, range: KeyRange, limit: usize) -> Result<Vec<Entry>, StoreError>;

    /// A view of `shard` that later commits do not change.
    async fn snapshot(&self, shard: &str) -> Result<Box<dyn Snapshot>, StoreError>;

    /// The store's own time, by which ownership is measured.
    async fn now(&self) -> Result<Timestamp, StoreError>;
}

/// A fixed view of one shard.
#[async_trait]
pub trait Snapshot: Send + Sync {
    /// The value of `key`, if any.
    async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// Up to `limit` entries of `range`, in key order.
    async fn range(&self, range: KeyRange, limit: usize) -> Result<Vec<Entry>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_range_ends_after_its_last_possible_key() {
        assert_eq!(after_prefix(b"ab"), Some(Bytes::from_static(b"ac")));
        assert_eq!(after_prefix(&[1, 255]), Some(Bytes::from_static(&[2])));
        assert_eq!(after_prefix(&[255]), None);
        assert_eq!(after_prefix(b""), None);
    }
}
