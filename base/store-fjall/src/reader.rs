use std::ops::Bound;

use bytes::Bytes;
use fjall::{Guard, Keyspace, Readable, Snapshot as View};
use store::{Entry, KeyRange, Record, StoreError};

use crate::error::reading;
use crate::keys::{self, ShardPrefix};

/// A view of one shard at one moment: batches are seen whole or not at all.
#[derive(Clone)]
pub(crate) struct Reader {
    pub(crate) view: View,
    pub(crate) keyspace: Keyspace,
    pub(crate) shard: ShardPrefix,
}

impl Reader {
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let value = self
            .view
            .get(&self.keyspace, self.shard.key(key))
            .map_err(reading)?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    pub(crate) fn get_all(&self, keys: &[Bytes]) -> Result<Vec<Option<Bytes>>, StoreError> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    pub(crate) fn range(&self, range: &KeyRange, limit: usize) -> Result<Vec<Entry>, StoreError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.view.range(&self.keyspace, self.shard.bounds(range));
        found.take(limit).map(|found| self.entry(found)).collect()
    }

    fn entry(&self, found: Guard) -> Result<Entry, StoreError> {
        let (key, value) = found.into_inner().map_err(reading)?;
        Ok(Entry {
            key: self.shard.strip(&key)?,
            value: Bytes::copy_from_slice(&value),
        })
    }
}

/// A walk over all shards at one moment.
#[derive(Clone)]
pub(crate) struct Everything {
    view: View,
    keyspace: Keyspace,
    /// Where the rest begins.
    start: Bound<Vec<u8>>,
}

impl Everything {
    pub(crate) fn new(view: View, keyspace: Keyspace) -> Self {
        let start = Bound::Included(keys::FIRST_RECORD.to_vec());
        Self {
            view,
            keyspace,
            start,
        }
    }

    /// The next records.
    pub(crate) fn next(&mut self, limit: usize) -> Result<Vec<Record>, StoreError> {
        let rest = (self.start.clone(), Bound::Excluded(keys::END.to_vec()));
        let mut records = Vec::new();
        for found in self.view.range(&self.keyspace, rest).take(limit) {
            let (key, value) = found.into_inner().map_err(reading)?;
            records.push(keys::record(&key, Bytes::copy_from_slice(&value))?);
            self.start = Bound::Excluded(key.to_vec());
        }
        Ok(records)
    }
}
