use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

/// Values of one chunk.
const CHUNK: usize = 128;

/// A sorted set for millions of small values: in little more space than the
/// values need, and without ever moving more than a few of them.
#[derive(Clone, Debug)]
pub(crate) struct Sorted<T> {
    /// Sorted chunks, none empty but the last that is left, by a value that is not greater than theirs and
    /// greater than those of the chunk before.
    chunks: BTreeMap<T, VecDeque<T>>,
}

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Self {
            chunks: BTreeMap::new(),
        }
    }
}

impl<T: Copy + Ord> Sorted<T> {
    pub(crate) fn first(&self) -> Option<T> {
        let (_, chunk) = self.chunks.first_key_value()?;
        chunk.front().copied()
    }

    pub(crate) fn insert(&mut self, value: T) {
        let Some(chunk) = self.chunk_for(value) else {
            self.chunks.insert(value, [value].into());
            return;
        };
        let Err(at) = chunk.binary_search(&value) else {
            return;
        };
        if chunk.len() < CHUNK {
            chunk.insert(at, value);
            return;
        }
        // Values that come in order fill their chunks.
        if at == CHUNK {
            self.chunks.insert(value, [value].into());
            return;
        }
        let behind = chunk.split_off(CHUNK / 2);
        chunk.shrink_to(CHUNK);
        if let Some(first) = behind.front() {
            self.chunks.insert(*first, behind);
        }
        self.insert(value);
    }

    /// The chunk where a value belongs.
    fn chunk_for(&mut self, value: T) -> Option<&mut VecDeque<T>> {
        let first = *self.chunks.first_key_value()?.0;
        if value < first {
            let chunk = self.chunks.remove(&first)?;
            self.chunks.insert(value, chunk);
        }
        let chunk = self.chunks.range_mut(..=value).next_back();
        chunk.map(|(_, chunk)| chunk)
    }

    pub(crate) fn remove(&mut self, value: T) {
        let Some((first, chunk)) = self.chunks.range_mut(..=value).next_back() else {
            return;
        };
        let Ok(at) = chunk.binary_search(&value) else {
            return;
        };
        chunk.remove(at);
        let (first, len) = (*first, chunk.len());
        if len < CHUNK / 4 {
            self.join(first, len);
        }
    }

    /// A chunk has become small: gives its room back.
    fn join(&mut self, first: T, len: usize) {
        if len == 0 && self.chunks.len() > 1 {
            self.chunks.remove(&first);
            return;
        }
        let fits = |(at, chunk): (&T, &VecDeque<T>)| {
            let fits = chunk.len() + len <= CHUNK / 2;
            fits.then_some(*at)
        };
        let behind = (Bound::Excluded(first), Bound::Unbounded);
        let next = self.chunks.range(behind).next().and_then(fits);
        let before = self.chunks.range(..first).next_back().and_then(fits);
        match (before, next) {
            (Some(before), _) => self.append(before, first),
            (None, Some(next)) => self.append(first, next),
            (None, None) => self.shrink(first),
        }
    }

    fn append(&mut self, chunk: T, next: T) {
        let values = self.chunks.remove(&next);
        if let Some(chunk) = self.chunks.get_mut(&chunk) {
            chunk.extend(values.into_iter().flatten());
        }
        self.shrink(chunk);
    }

    fn shrink(&mut self, chunk: T) {
        if let Some(chunk) = self.chunks.get_mut(&chunk)
            && chunk.capacity() > 4 * chunk.len() + 8
        {
            chunk.shrink_to(2 * chunk.len());
        }
    }

    /// The first value from this one on.
    pub(crate) fn at_least(&self, from: T) -> Option<T> {
        if let Some((_, chunk)) = self.chunks.range(..=from).next_back()
            && let Some(value) = chunk.get(chunk.partition_point(|value| *value < from))
        {
            return Some(*value);
        }
        let (_, chunk) = self.chunks.range(from..).next()?;
        chunk.front().copied()
    }

    /// The values from this one on.
    pub(crate) fn from(&self, from: T) -> impl Iterator<Item = T> {
        let first = self.chunks.range(..=from).next_back();
        let first = first.map_or(from, |(first, _)| *first);
        let chunks = self.chunks.range(first..).map(|(_, chunk)| chunk);
        let values = chunks.flat_map(move |chunk| {
            let begin = chunk.partition_point(|value| *value < from);
            chunk.range(begin..)
        });
        values.copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn room<T>(sorted: &Sorted<T>) -> usize {
        sorted.chunks.values().map(VecDeque::capacity).sum()
    }

    #[test]
    fn values_in_order_leave_no_room_empty() {
        let mut sorted = Sorted::default();
        (0..100 * CHUNK).for_each(|value| sorted.insert(value));
        assert_eq!(sorted.chunks.len(), 100);
        assert_eq!(room(&sorted), 100 * CHUNK);
    }

    #[test]
    fn few_values_that_are_left_keep_little_room() {
        let mut sorted = Sorted::default();
        (0..100 * CHUNK).for_each(|value| sorted.insert(value));
        let gone = (0..100 * CHUNK).filter(|value| value % 50 > 0);
        gone.for_each(|value| sorted.remove(value));
        let left = 2 * CHUNK;
        assert_eq!(sorted.from(0).count(), left);
        assert!(room(&sorted) <= 6 * left, "{}", room(&sorted));
        assert!(sorted.chunks.len() <= 10, "{}", sorted.chunks.len());
    }

    proptest! {
        #[test]
        fn it_is_what_a_set_is(
            changes in vec((any::<bool>(), 0..2_000_u32), 0..3_000),
            descending: bool,
            from in 0..2_000_u32,
        ) {
            let (mut sorted, mut set) = (Sorted::default(), BTreeSet::new());
            let begin = if descending { 500..1_500 } else { 0..0 };
            for value in begin.rev() {
                sorted.insert(value);
                set.insert(value);
            }
            for (insert, value) in changes {
                if insert {
                    sorted.insert(value);
                    set.insert(value);
                } else {
                    sorted.remove(value);
                    set.remove(&value);
                }
                prop_assert_eq!(sorted.first(), set.first().copied());
            }
            prop_assert!(sorted.from(from).eq(set.range(from..).copied()));
            prop_assert_eq!(sorted.at_least(from), set.range(from..).next().copied());
            prop_assert!(sorted.chunks.values().all(|chunk| chunk.len() <= CHUNK));
        }
    }
}
