use std::fmt;
use std::ops::Bound;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clock::Timestamp;

use crate::{Batch, StoreError};

/// Proof of having owned a shard: valid until the shard is acquired again or released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The shard this fence guards.
    pub shard: Arc<str>,
    /// One for the first owner; grows by one each time the shard is acquired.
    pub epoch: u64,
}

/// A shard whose owner's time still runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The shard.
    pub shard: Arc<str>,
    /// As it called itself when it acquired the shard.
    pub owner: String,
    /// The epoch of its fence.
    pub epoch: u64,
    /// How much time it has left, by the store's clock.
    pub left: Duration,
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub key: Bytes,
    pub value: Bytes,
}

/// An entry, and the shard that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub shard: Arc<str>,
    pub entry: Entry,
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
        Self {
            start: Bound::Unbounded,
            end: None,
        }
    }

    /// Every key that begins with `prefix`.
    pub fn prefix(prefix: &[u8]) -> Self {
        Self {
            start: Bound::Included(Bytes::copy_from_slice(prefix)),
            end: after_prefix(prefix),
        }
    }

    /// Both ends, as the maps of the standard library take them; they refuse an
    /// [empty](Self::is_empty) range by panicking.
    pub fn bounds(&self) -> (Bound<Bytes>, Bound<Bytes>) {
        (
            self.start.clone(),
            self.end.clone().map_or(Bound::Unbounded, Bound::Excluded),
        )
    }

    /// Whether no key can be in this range.
    pub fn is_empty(&self) -> bool {
        match (&self.start, &self.end) {
            (_, Some(end)) if end.is_empty() => true,
            (Bound::Included(start) | Bound::Excluded(start), Some(end)) => start >= end,
            _ => false,
        }
    }

    /// The rest of this range after `key`, for reading page by page.
    pub fn after(self, key: Bytes) -> Self {
        Self {
            start: Bound::Excluded(key),
            end: self.end,
        }
    }
}

/// The least key greater than every key with this prefix.
fn after_prefix(prefix: &[u8]) -> Option<Bytes> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end.into())
}

/// A commit whose place is certain, and which will be on stable storage unless the store fails.
#[must_use = "it is not on stable storage yet"]
pub struct Ahead(Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + Sync>>);

impl Ahead {
    /// One that will be stored when `stored` ends well.
    pub fn new(
        stored: impl Future<Output = Result<(), StoreError>> + Send + Sync + 'static,
    ) -> Self {
        Self(Box::pin(stored))
    }

    /// One that is on stable storage already.
    pub fn stored() -> Self {
        Self::new(std::future::ready(Ok(())))
    }

    /// Until it is on stable storage.
    ///
    /// # Errors
    /// As those of [`Store::commit`]; [`StoreError::Fenced`] is not among them.
    pub async fn until_stored(&mut self) -> Result<(), StoreError> {
        self.0.as_mut().await
    }
}

impl fmt::Debug for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ahead").finish_non_exhaustive()
    }
}

/// Something that remembers. See the crate documentation for the model.
///
/// Names, keys and batches outside [the limits](crate::limits) are refused with
/// [`StoreError::Invalid`]. Dropping the future of a commit does not undo it:
/// it may still be applied.
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

    /// Gives the shard up, so that another can acquire it without waiting; the
    /// fence is stale from then on. Releasing a stale fence does nothing.
    async fn release(&self, fence: &Fence) -> Result<(), StoreError>;

    /// The shards whose names begin with `prefix` and whose owner's time still runs,
    /// by name. It may have changed when the answer arrives.
    async fn held(&self, prefix: &str) -> Result<Vec<Held>, StoreError>;

    /// Applies `batch` to the fence's shard: all of it, on stable storage, or
    /// nothing. [`StoreError::Fenced`] if the fence is stale. An owner whose time
    /// has lapsed but whose shard nobody took may still commit.
    ///
    /// Commits made at the same time share one sync. Operations of one batch
    /// apply in order. After [`StoreError::Unknown`] the caller cannot tell
    /// whether the batch was applied, or still will be: it must acquire the shard
    /// again, which settles that, and then read.
    async fn commit(&self, fence: &Fence, batch: Batch) -> Result<(), StoreError>;

    /// As [`commit`](Self::commit), in two parts: this returns when the place of the batch is
    /// certain, what it returns when the batch is on stable storage.
    ///
    /// A commit to any shard of this store that is asked for between the two is on stable
    /// storage only if this one is. A store may wait for such a commit, so that both share one
    /// sync; to wake it, if none is made after all, make an empty commit.
    async fn commit_ahead(&self, fence: &Fence, batch: Batch) -> Result<Ahead, StoreError> {
        self.commit(fence, batch).await?;
        Ok(Ahead::stored())
    }

    /// As [`commit_ahead`](Self::commit_ahead), but it waits for nobody: what it returns ends as
    /// soon as a commit would. Whoever has more to commit need not wait for the one before.
    async fn commit_soon(&self, fence: &Fence, batch: Batch) -> Result<Ahead, StoreError> {
        self.commit(fence, batch).await?;
        Ok(Ahead::stored())
    }

    /// The value of `key`, if any.
    async fn get(&self, shard: &str, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// Up to `limit` entries of `range`, in key order; fewer only when the range
    /// holds no more.
    async fn range(
        &self,
        shard: &str,
        range: KeyRange,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError>;

    /// A view of `shard` that later commits do not change. It holds resources of
    /// the store: read what is needed and drop it.
    async fn snapshot(&self, shard: &str) -> Result<Box<dyn Snapshot>, StoreError>;

    /// A walk over every entry of every shard, as all of them are at one moment: what a commit
    /// moves from one shard to another is met in one of them. It holds resources of the store,
    /// as a snapshot does.
    async fn walk(&self) -> Result<Box<dyn Walk>, StoreError>;

    /// The store's own time, by which ownership is measured.
    async fn now(&self) -> Result<Timestamp, StoreError>;
}

/// A fixed view of one shard.
#[async_trait]
pub trait Snapshot: Send + Sync {
    /// The value of `key`, if any.
    async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// The value of each of `keys`, in their order.
    async fn get_all(&self, keys: &[Bytes]) -> Result<Vec<Option<Bytes>>, StoreError> {
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            values.push(self.get(key).await?);
        }
        Ok(values)
    }

    /// Up to `limit` entries of `range`, in key order.
    async fn range(&self, range: KeyRange, limit: usize) -> Result<Vec<Entry>, StoreError>;
}

/// A walk over a fixed view of every shard.
#[async_trait]
pub trait Walk: Send {
    /// The next up to `limit` records, in whatever order, each of them once; none when the
    /// walk is over.
    async fn next(&mut self, limit: usize) -> Result<Vec<Record>, StoreError>;
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

    #[test]
    fn a_range_that_ends_where_it_starts_is_empty() {
        let range = |start, end: &'static [u8]| KeyRange {
            start,
            end: Some(Bytes::from_static(end)),
        };
        let key = Bytes::from_static(b"b");
        assert!(range(Bound::Included(key.clone()), b"b").is_empty());
        assert!(range(Bound::Excluded(key.clone()), b"a").is_empty());
        assert!(range(Bound::Unbounded, b"").is_empty());
        assert!(!range(Bound::Included(key), b"c").is_empty());
        assert!(!KeyRange::all().is_empty());
    }
}
