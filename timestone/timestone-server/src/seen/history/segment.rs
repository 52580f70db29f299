//! Keys of the history, and the index that finds a message in it.
//!
//! A segment is what one commit wrote: some pages of events, and for each bucket of
//! hashes one record that tells which messages are on which of them. So there is one
//! record of the index for many messages, and whoever looks for one reads a 64th of it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use store::KeyRange;
use timestone::Event;

/// Holds how many bytes all pages have.
pub(super) const SIZE: Bytes = Bytes::from_static(b"s");
/// Bytes of the key of a page.
pub(super) const PAGE_KEY: usize = 18;
/// Hashes that begin with the same bits are in one bucket: 64 of them.
const BUCKET_BITS: u32 = 6;
/// Bytes of one entry of the index: a part of a hash, and a page.
const ENTRY: usize = 5;

/// Names a segment; later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentId {
    /// When its first event was: Unix milliseconds.
    pub(super) at: i64,
    /// Of the writer.
    pub(super) epoch: u32,
    pub(super) number: u32,
}

impl SegmentId {
    fn put(self, prefix: &[u8]) -> BytesMut {
        let mut key = BytesMut::with_capacity(PAGE_KEY);
        key.put_slice(prefix);
        // Times before 1970 sort wrongly, and never were.
        key.put_i64(self.at);
        key.put_u32(self.epoch);
        key.put_u32(self.number);
        key
    }

    fn take(mut key: &[u8]) -> Option<Self> {
        (key.len() >= 16).then(|| Self {
            at: key.get_i64(),
            epoch: key.get_u32(),
            number: key.get_u32(),
        })
    }

    pub(super) fn key(self) -> Bytes {
        self.put(b"g").freeze()
    }

    pub(super) fn of_key(key: &[u8]) -> Option<Self> {
        Self::take(key.get(1..)?)
    }

    pub(super) fn page_key(self, page: u8) -> Bytes {
        let mut key = self.put(b"b");
        key.put_u8(page);
        key.freeze()
    }

    pub(super) fn index_key(self, bucket: u8) -> Bytes {
        self.put(&[b'i', bucket]).freeze()
    }

    pub(super) fn of_index_key(key: &[u8]) -> Option<Self> {
        Self::take(key.get(2..)?)
    }
}

/// All pages from a time on.
pub(super) fn pages_since(at: i64) -> KeyRange {
    let mut start = BytesMut::from(&b"b"[..]);
    start.put_i64(at.max(0));
    KeyRange {
        start: std::ops::Bound::Included(start.freeze()),
        ..KeyRange::prefix(b"b")
    }
}

/// The record of a segment: what goes when it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Of all its pages.
    pub(super) bytes: u64,
    pub(super) pages: u8,
    /// A bit for each bucket that has a record.
    buckets: u64,
}

impl Segment {
    pub(super) fn new(bytes: u64, pages: u8, index: &Index) -> Self {
        let buckets = index.0.keys().fold(0, |bits, bucket| bits | 1 << bucket);
        Self {
            bytes,
            pages,
            buckets,
        }
    }

    pub(super) fn encode(self) -> Bytes {
        let mut record = BytesMut::with_capacity(17);
        record.put_u64(self.bytes);
        record.put_u8(self.pages);
        record.put_u64(self.buckets);
        record.freeze()
    }

    pub(super) fn decode(mut record: &[u8]) -> Option<Self> {
        (record.len() == 17).then(|| Self {
            bytes: record.get_u64(),
            pages: record.get_u8(),
            buckets: record.get_u64(),
        })
    }

    /// All keys of the segment but its own.
    pub(super) fn keys(self, id: SegmentId) -> impl Iterator<Item = Bytes> {
        let pages = (0..self.pages).map(move |page| id.page_key(page));
        let is_used = move |bucket: &u8| self.buckets >> bucket & 1 == 1;
        let buckets = (0..1 << BUCKET_BITS).filter(is_used);
        pages.chain(buckets.map(move |bucket| id.index_key(bucket)))
    }
}

/// Which messages are on which page of a segment, by bucket.
#[derive(Debug, Default)]
pub(super) struct Index(BTreeMap<u8, BTreeSet<(u32, u8)>>);

impl Index {
    pub(super) fn add(&mut self, event: &Event, page: u8) {
        let hash = hash(&event.queue, &event.id);
        let bucket = self.0.entry(bucket_of(hash)).or_default();
        bucket.insert((hash as u32, page));
    }

    /// The records, by their keys.
    pub(super) fn records(&self, id: SegmentId) -> impl Iterator<Item = (Bytes, Bytes)> {
        let record = move |(bucket, entries): (&u8, &BTreeSet<_>)| {
            let mut record = BytesMut::with_capacity(entries.len() * ENTRY);
            for &(hash, page) in entries {
                record.put_u32(hash);
                record.put_u8(page);
            }
            (id.index_key(*bucket), record.freeze())
        };
        self.0.iter().map(record)
    }
}

/// All records of the index that may name a message of this hash.
pub(super) fn index_of(hash: u64) -> KeyRange {
    KeyRange::prefix(&[b'i', bucket_of(hash)])
}

/// The pages on which such a message may be, by a record of the index.
pub(super) fn pages_in(record: &[u8], hash: u64) -> impl Iterator<Item = u8> {
    let hash = (hash as u32).to_be_bytes();
    let entries = record.as_chunks::<ENTRY>().0;
    let first = entries.partition_point(|entry| entry[..4] < hash[..]);
    let same = entries[first..].iter();
    same.take_while(move |entry| entry[..4] == hash[..])
        .map(|entry| entry[4])
}

fn bucket_of(hash: u64) -> u8 {
    (hash >> (u64::BITS - BUCKET_BITS)) as u8
}

/// Finds a message (FNV-1a): the same for ever, and rarely that of two.
pub(super) fn hash(queue: &str, id: &str) -> u64 {
    let bytes = queue.bytes().chain([0]).chain(id.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::super::event;
    use super::*;

    fn id(at: i64, number: u32) -> SegmentId {
        SegmentId {
            at,
            epoch: 7,
            number,
        }
    }

    #[test]
    fn hashes_never_change() {
        assert_eq!(hash("q", "m"), 0x706a_4c19_52a6_567b);
        assert_ne!(hash("a", "bc"), hash("ab", "c"));
    }

    #[test]
    fn keys_read_back_and_sort_by_time() {
        assert_eq!(SegmentId::of_key(&id(5, 6).key()), Some(id(5, 6)));
        assert_eq!(SegmentId::of_key(&id(5, 6).page_key(1)), Some(id(5, 6)));
        let index = id(5, 6).index_key(9);
        assert_eq!(SegmentId::of_index_key(&index), Some(id(5, 6)));
        assert!(id(5, 6).page_key(9) < id(5, 7).page_key(0));
        assert!(id(5, 7).key() < id(300, 0).key());
        assert_eq!(SegmentId::of_key(b"b123"), None);
        assert_eq!(SegmentId::of_key(b""), None);
    }

    #[test]
    fn every_message_is_found_on_its_pages() {
        let mut index = Index::default();
        for n in 0..2_000 {
            index.add(&event(&n.to_string(), 0), (n / 512) as u8);
            index.add(&event("everywhere", 0), (n / 512) as u8);
        }
        let records: BTreeMap<_, _> = index.records(id(1, 1)).collect();
        let find = |message: &str| -> Vec<u8> {
            let hash = hash("q", message);
            let record = &records[&id(1, 1).index_key(bucket_of(hash))];
            pages_in(record, hash).collect()
        };
        for n in 0..2_000 {
            assert!(find(&n.to_string()).contains(&((n / 512) as u8)));
        }
        assert_eq!(find("everywhere"), [0, 1, 2, 3]);
        assert!(pages_in(b"", 5).next().is_none());
    }

    #[test]
    fn a_segment_names_all_that_was_written_with_it() {
        let mut index = Index::default();
        for n in 0..30 {
            index.add(&event(&n.to_string(), 0), 0);
        }
        let segment = Segment::new(100, 2, &index);
        assert_eq!(Segment::decode(&segment.encode()), Some(segment));
        assert_eq!(Segment::decode(b"no record"), None);
        let named: BTreeSet<_> = segment.keys(id(1, 1)).collect();
        let mut written: BTreeSet<_> = index.records(id(1, 1)).map(|(key, _)| key).collect();
        written.extend([0, 1].map(|page| id(1, 1).page_key(page)));
        assert_eq!(named, written);
    }
}
