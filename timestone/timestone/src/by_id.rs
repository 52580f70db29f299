//! Messages by queue and id: by a hash of both, as the texts are with the messages.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, RandomState};

use crate::id::Id;
use crate::messages::Spread;

/// Tables, so that only a small part of all entries is moved when one grows.
const TABLES: usize = 256;

#[derive(Clone, Debug)]
pub(crate) struct ById {
    hasher: RandomState,
    tables: Vec<HashMap<u64, u64, BuildHasherDefault<Spread>>>,
    /// Further messages of the same hash.
    twins: HashMap<u64, Vec<u64>>,
}

impl Default for ById {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            tables: vec![HashMap::default(); TABLES],
            twins: HashMap::new(),
        }
    }
}

impl ById {
    pub(crate) fn hash(&self, queue: &str, id: &Id) -> u64 {
        self.hasher.hash_one((queue, id))
    }

    /// The message of this hash that is the one.
    pub(crate) fn find(&self, hash: u64, is: impl Fn(u64) -> bool) -> Option<u64> {
        let first = *self.tables[table(hash)].get(&hash)?;
        if is(first) {
            return Some(first);
        }
        let twins = self.twins.get(&hash)?.iter().copied();
        twins.into_iter().find(|twin| is(*twin))
    }

    /// Adds a message that is not there.
    pub(crate) fn insert(&mut self, hash: u64, sequence: u64) {
        if let Some(earlier) = self.tables[table(hash)].insert(hash, sequence) {
            self.twins.entry(hash).or_default().push(earlier);
        }
    }

    pub(crate) fn remove(&mut self, hash: u64, sequence: u64) {
        let mut twins = self.twins.remove(&hash).unwrap_or_default();
        let table = &mut self.tables[table(hash)];
        match table.get(&hash) {
            Some(first) if *first == sequence => match twins.pop() {
                Some(twin) => drop(table.insert(hash, twin)),
                None => drop(table.remove(&hash)),
            },
            _ => twins.retain(|twin| *twin != sequence),
        }
        if !twins.is_empty() {
            self.twins.insert(hash, twins);
        }
        if table.capacity() > 64 && table.len() * 8 < table.capacity() {
            table.shrink_to(table.len() * 2);
        }
    }
}

fn table(hash: u64) -> usize {
    (hash >> 40) as usize % TABLES
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn messages_of_one_hash_are_told_apart(
            changes in vec((any::<bool>(), 0..3_u64, 0..4_u64), 0..60),
        ) {
            let (mut by_id, mut there) = (ById::default(), BTreeSet::new());
            for (insert, hash, twin) in changes {
                let sequence = 10 * hash + twin;
                if !insert {
                    by_id.remove(hash, sequence);
                    there.remove(&sequence);
                } else if there.insert(sequence) {
                    by_id.insert(hash, sequence);
                }
                for sequence in 0..30 {
                    let found = by_id.find(sequence / 10, |other| other == sequence);
                    prop_assert_eq!(found.is_some(), there.contains(&sequence));
                }
            }
            prop_assert!(by_id.twins.values().all(|twins| !twins.is_empty()));
        }
    }
}
