//! Messages by queue and id: by a hash of both, as the texts are with the messages.
//!
//! Linear hashing: buckets of a few entries, of which one is split for so many that
//! come. So nothing ever waits for a large table to be copied, nor is there room for
//! a larger one beside it.

use std::hash::{BuildHasher, RandomState};

use crate::id::Id;

/// Entries of a bucket, on average at most.
const FILL: usize = 24;
/// Entries for which room is made at once.
const ROOM: usize = 8;

#[derive(Clone, Debug)]
pub(crate) struct ById {
    hasher: RandomState,
    /// Never empty.
    buckets: Vec<Vec<Entry>>,
    len: usize,
}

/// A hash (32 bits) and a sequence (48 bits, which last for 89 years of 100 000
/// messages a second), in 10 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry([u16; 5]);

impl Entry {
    fn new(hash: u32, sequence: u64) -> Self {
        let part = |number: u64, at: u32| (number >> (16 * at)) as u16;
        let hash = u64::from(hash);
        Self([
            part(hash, 0),
            part(hash, 1),
            part(sequence, 0),
            part(sequence, 1),
            part(sequence, 2),
        ])
    }

    fn hash(self) -> u32 {
        let [low, high, ..] = self.0;
        u32::from(high) << 16 | u32::from(low)
    }

    fn sequence(self) -> u64 {
        let [_, _, low, middle, high] = self.0.map(u64::from);
        high << 32 | middle << 16 | low
    }
}

impl Default for ById {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            buckets: vec![Vec::new()],
            len: 0,
        }
    }
}

impl ById {
    pub(crate) fn hash(&self, queue: &str, id: &Id) -> u32 {
        self.hasher.hash_one((queue, id)) as u32
    }

    /// The message of this hash that is the one.
    pub(crate) fn find(&self, hash: u32, is: impl Fn(u64) -> bool) -> Option<u64> {
        let entries = self.buckets[self.place(hash)].iter();
        let same = entries.filter(|entry| entry.hash() == hash);
        same.map(|entry| entry.sequence())
            .find(|sequence| is(*sequence))
    }

    /// Adds a message that is not there.
    pub(crate) fn insert(&mut self, hash: u32, sequence: u64) {
        let place = self.place(hash);
        put(&mut self.buckets[place], Entry::new(hash, sequence));
        self.len += 1;
        if self.len > self.buckets.len() * FILL {
            self.split();
        }
    }

    pub(crate) fn remove(&mut self, hash: u32, sequence: u64) {
        let (place, entry) = (self.place(hash), Entry::new(hash, sequence));
        let bucket = &mut self.buckets[place];
        let Some(at) = bucket.iter().position(|other| *other == entry) else {
            return;
        };
        bucket.swap_remove(at);
        if bucket.capacity() > bucket.len() + 2 * ROOM {
            bucket.shrink_to(bucket.len() + ROOM);
        }
        self.len -= 1;
        if self.buckets.len() > 1 && self.len < self.buckets.len() * FILL / 4 {
            self.join();
        }
    }

    /// The bucket of a hash: that of as many of its bits as there are buckets for.
    fn place(&self, hash: u32) -> usize {
        let bits = self.buckets.len().next_power_of_two() - 1;
        match hash as usize & bits {
            place if place < self.buckets.len() => place,
            place => place & (bits >> 1),
        }
    }

    /// Adds a bucket, with what belongs there of the one it was part of.
    fn split(&mut self) {
        let new = self.buckets.len();
        let from = parent(new);
        self.buckets.push(Vec::new());
        let entries = std::mem::take(&mut self.buckets[from]);
        for entry in entries {
            let place = self.place(entry.hash());
            put(&mut self.buckets[place], entry);
        }
    }

    /// Undoes [`split`](Self::split).
    fn join(&mut self) {
        let last = self.buckets.pop().unwrap_or_default();
        let into = parent(self.buckets.len());
        for entry in last {
            put(&mut self.buckets[into], entry);
        }
        let spare = self.buckets.capacity() / 4;
        if self.buckets.len() < spare {
            self.buckets.shrink_to(2 * spare);
        }
    }
}

/// The bucket that a bucket is split from: its number without its highest bit.
fn parent(bucket: usize) -> usize {
    bucket & !(1 << bucket.ilog2())
}

fn put(bucket: &mut Vec<Entry>, entry: Entry) {
    if bucket.len() == bucket.capacity() {
        bucket.reserve_exact(ROOM);
    }
    bucket.push(entry);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn entries_take_little_room_and_give_it_back() {
        let mut by_id = ById::default();
        let hash = |n: u64| by_id_hash(n);
        let n = 100_000;
        (0..n).for_each(|n| by_id.insert(hash(n), n));
        let room = |by_id: &ById| {
            let buckets = by_id.buckets.iter();
            let entries: usize = buckets.map(Vec::capacity).sum();
            entries * size_of::<Entry>() + by_id.buckets.capacity() * size_of::<Vec<Entry>>()
        };
        assert!(room(&by_id) < 15 * n as usize, "{}", room(&by_id));
        (0..n).for_each(|n| assert!(by_id.find(hash(n), |other| other == n).is_some()));
        (100..n).for_each(|n| by_id.remove(hash(n), n));
        assert!(room(&by_id) < 15 * 1_000, "{}", room(&by_id));
    }

    fn by_id_hash(n: u64) -> u32 {
        (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
    }

    proptest! {
        #[test]
        fn messages_of_one_hash_are_told_apart(
            changes in vec((prop::bool::weighted(0.6), any::<u32>(), 0..3_u64), 0..600),
            bits in 1..32_u32,
        ) {
            let (mut by_id, mut there) = (ById::default(), BTreeSet::new());
            for (insert, hash, twin) in changes {
                let hash = hash >> bits;
                let sequence = u64::from(hash) << 2 | twin;
                if !insert {
                    by_id.remove(hash, sequence);
                    there.remove(&(hash, sequence));
                } else if there.insert((hash, sequence)) {
                    by_id.insert(hash, sequence);
                }
                let found = by_id.find(hash, |other| other == sequence);
                prop_assert_eq!(found.is_some(), insert);
            }
            for (hash, sequence) in &there {
                prop_assert!(by_id.find(*hash, |other| other == *sequence).is_some());
            }
            prop_assert_eq!(by_id.len, there.len());
            while let Some((hash, sequence)) = there.pop_first() {
                by_id.remove(hash, sequence);
                prop_assert!(by_id.find(hash, |other| other == sequence).is_none());
            }
            prop_assert_eq!(by_id.buckets.len(), 1);
        }
    }
}
