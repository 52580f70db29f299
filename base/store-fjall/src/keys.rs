//! Where records lie in the engine's one key space.
//!
//! | key                                   | value                             |
//! |---------------------------------------|-----------------------------------|
//! | `0`                                   | the version of this layout        |
//! | `1` shard                             | epoch (8 bytes, big endian), owner|
//! | `2` length of shard (1 byte) shard key| value                             |
//!
//! One key space, because the engine discards an old journal only when every key
//! space it touches was flushed, and ownership alone would rarely be.

use std::ops::Bound;

use bytes::Bytes;
use store::{Entry, KeyRange, Record, StoreError};

/// The key of the version of this layout.
pub(crate) const LAYOUT_KEY: &[u8] = &[0];
/// The version of this layout.
pub(crate) const LAYOUT: &[u8] = &[1];

const OWNER: u8 = 1;
const DATA: u8 = 2;

/// Where records begin.
pub(crate) const FIRST_RECORD: &[u8] = &[DATA];
/// Behind the last record.
pub(crate) const END: &[u8] = &[DATA + 1];

/// The record at an engine's key.
pub(crate) fn record(key: &[u8], value: Bytes) -> Result<Record, StoreError> {
    let parts = key.strip_prefix(FIRST_RECORD).and_then(|rest| {
        let (length, rest) = rest.split_first()?;
        let (shard, key) = rest.split_at_checked(usize::from(*length))?;
        Some((std::str::from_utf8(shard).ok()?, key))
    });
    let (shard, key) =
        parts.ok_or_else(|| StoreError::Corrupt("a record that lies in no shard".into()))?;
    let key = Bytes::copy_from_slice(key);
    Ok(Record {
        shard: shard.into(),
        entry: Entry { key, value },
    })
}

/// The key of a shard's ownership.
pub(crate) fn owner_key(shard: &str) -> Vec<u8> {
    [&[OWNER], shard.as_bytes()].concat()
}

/// A shard's ownership as it is stored.
pub(crate) fn owner_value(epoch: u64, owner: &str) -> Bytes {
    [&epoch.to_be_bytes()[..], owner.as_bytes()].concat().into()
}

/// The epoch of a stored ownership.
pub(crate) fn epoch_of(value: &[u8]) -> Result<u64, StoreError> {
    match value.first_chunk() {
        Some(epoch) => Ok(u64::from_be_bytes(*epoch)),
        None => Err(StoreError::Corrupt(
            "an ownership record without an epoch".into(),
        )),
    }
}

/// Begins the key of every record of one shard.
#[derive(Clone, Debug)]
pub(crate) struct ShardPrefix(Vec<u8>);

impl ShardPrefix {
    pub(crate) fn new(shard: &str) -> Self {
        // Names are checked to be shorter; a longer one owns nothing to be read.
        let length = u8::try_from(shard.len()).unwrap_or(u8::MAX);
        Self([&[DATA, length], shard.as_bytes()].concat())
    }

    /// The engine's key of a record.
    pub(crate) fn key(&self, key: &[u8]) -> Vec<u8> {
        [&self.0, key].concat()
    }

    /// The engine's keys of a range of the shard.
    pub(crate) fn bounds(&self, range: &KeyRange) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
        let start = match &range.start {
            Bound::Unbounded => Bound::Included(self.0.clone()),
            start => start.as_ref().map(|key| self.key(key)),
        };
        let end = match &range.end {
            Some(end) => Bound::Excluded(self.key(end)),
            None => self.end(),
        };
        (start, end)
    }

    fn end(&self) -> Bound<Vec<u8>> {
        match KeyRange::prefix(&self.0).end {
            Some(end) => Bound::Excluded(end.to_vec()),
            None => Bound::Unbounded,
        }
    }

    /// The shard's key of an engine's key.
    pub(crate) fn strip(&self, key: &[u8]) -> Result<Bytes, StoreError> {
        match key.strip_prefix(&self.0[..]) {
            Some(key) => Ok(Bytes::copy_from_slice(key)),
            None => Err(StoreError::Corrupt(
                "a record outside the range that was read".into(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_record_lies_in_its_shard_and_no_other() {
        let shards = ["a", "ab", "b", "\u{1}a"].map(ShardPrefix::new);
        for (i, shard) in shards.iter().enumerate() {
            let key = shard.key(b"bkey");
            assert_eq!(shard.strip(&key).unwrap(), &b"bkey"[..]);
            for (j, other) in shards.iter().enumerate() {
                let bounds = other.bounds(&KeyRange::all());
                assert_eq!(std::ops::RangeBounds::contains(&bounds, &key), i == j);
            }
        }
    }

    #[test]
    fn a_record_tells_its_shard() {
        for shard in ["a", "ab", "\u{1}a"] {
            let key = ShardPrefix::new(shard).key(b"bkey");
            let found = record(&key, Bytes::from_static(b"v")).unwrap();
            assert_eq!((&*found.shard, &found.entry.key[..]), (shard, &b"bkey"[..]));
            assert!(FIRST_RECORD <= &key[..] && &key[..] < END);
        }
        for strange in [&b""[..], &[DATA], &[DATA, 9, b'a'], &[OWNER, 1, b'a']] {
            assert!(record(strange, Bytes::new()).is_err());
        }
    }

    #[test]
    fn ownership_round_trips() {
        assert_eq!(epoch_of(&owner_value(7, "me")).unwrap(), 7);
        assert!(epoch_of(b"short").is_err());
    }
}
