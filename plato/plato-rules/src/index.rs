//! Sets of small numbers by a hash.

use std::collections::BTreeSet;
use std::collections::hash_map::{Entry, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

/// For keys that are random already, or numbers of our own.
#[derive(Default)]
pub(crate) struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes
            .iter()
            .for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = mix(self.0, number);
    }
}

/// Takes `number` into a hash.
pub(crate) fn mix(hash: u64, number: u64) -> u64 {
    let mixed = (hash ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ (mixed >> 29)
}

/// A hash map for keys that are random already, or numbers of our own.
pub(crate) type Numbers<K, V> = HashMap<K, V, BuildHasherDefault<Mix>>;

#[derive(Debug)]
enum Bucket {
    One(u32),
    Many(BTreeSet<u32>),
}

/// Numbers by hash; to add and to remove one costs the same, however many there are.
#[derive(Debug, Default)]
pub(crate) struct Index(Numbers<u64, Bucket>);

impl Index {
    pub(crate) fn insert(&mut self, hash: u64, item: u32) {
        match self.0.entry(hash) {
            Entry::Vacant(entry) => drop(entry.insert(Bucket::One(item))),
            Entry::Occupied(mut entry) => match entry.get_mut() {
                Bucket::Many(items) => drop(items.insert(item)),
                Bucket::One(first) if *first == item => {}
                Bucket::One(first) => {
                    let items = BTreeSet::from([*first, item]);
                    entry.insert(Bucket::Many(items));
                }
            },
        }
    }

    pub(crate) fn remove(&mut self, hash: u64, item: u32) {
        let Entry::Occupied(mut entry) = self.0.entry(hash) else {
            return;
        };
        let is_empty = match entry.get_mut() {
            Bucket::One(only) => *only == item,
            Bucket::Many(items) => {
                items.remove(&item);
                items.is_empty()
            }
        };
        if is_empty {
            entry.remove();
        }
    }

    pub(crate) fn get(&self, hash: u64) -> impl Iterator<Item = u32> + '_ {
        let (one, many) = match self.0.get(&hash) {
            None => (None, None),
            Some(Bucket::One(item)) => (Some(*item), None),
            Some(Bucket::Many(items)) => (None, Some(items)),
        };
        one.into_iter().chain(many.into_iter().flatten().copied())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything, in no order that matters.
    pub(crate) fn items(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.keys().flat_map(|hash| self.get(*hash))
    }

    /// Takes everything of this hash out.
    pub(crate) fn take(&mut self, hash: u64) -> Vec<u32> {
        match self.0.remove(&hash) {
            None => Vec::new(),
            Some(Bucket::One(item)) => vec![item],
            Some(Bucket::Many(items)) => items.into_iter().collect(),
        }
    }
}

/// Values at numbers that are used again.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    items: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slab<T> {
    pub(crate) fn insert(&mut self, item: T) -> u32 {
        if let Some(place) = self.free.pop() {
            self.items[place as usize] = Some(item);
            return place;
        }
        // Limits keep far below it.
        let place = u32::try_from(self.items.len()).unwrap_or(u32::MAX);
        self.items.push(Some(item));
        place
    }

    pub(crate) fn remove(&mut self, place: u32) -> Option<T> {
        let item = self.items.get_mut(place as usize)?.take();
        if item.is_some() {
            self.free.push(place);
        }
        item
    }

    pub(crate) fn get(&self, place: u32) -> Option<&T> {
        self.items.get(place as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, place: u32) -> Option<&mut T> {
        self.items.get_mut(place as usize)?.as_mut()
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_holds_what_was_put_in_and_not_taken_out() {
        let mut index = Index::default();
        for item in [3, 1, 3, 2] {
            index.insert(7, item);
        }
        index.remove(7, 1);
        index.remove(8, 3);
        assert_eq!(index.get(7).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(index.items().collect::<Vec<_>>(), [2, 3]);
        assert_eq!(index.take(7), [2, 3]);
        assert!(index.is_empty());
    }

    #[test]
    fn places_of_a_slab_are_used_again() {
        let mut slab = Slab::default();
        let (a, b) = (slab.insert('a'), slab.insert('b'));
        assert_eq!(slab.remove(a), Some('a'));
        assert_eq!(slab.remove(a), None);
        assert_eq!(slab.insert('c'), a);
        assert_eq!((slab.get(b), slab.len()), (Some(&'b'), 2));
    }
}
