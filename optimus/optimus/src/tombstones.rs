use std::collections::{HashSet, VecDeque};

use clock::Timestamp;

use crate::limits::{CANCEL_RETENTION, MAX_TOMBSTONES};

/// Calls that were canceled before they came, by key, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Tombstones {
    order: VecDeque<(Timestamp, String)>,
    keys: HashSet<String>,
}

impl Tombstones {
    /// As they were left, in any order.
    pub(crate) fn restore(mut left: Vec<(Timestamp, String)>) -> Self {
        left.sort_unstable();
        Self {
            keys: left.iter().map(|(_, key)| key.clone()).collect(),
            order: left.into(),
        }
    }

    pub(crate) fn contains(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    /// Remembers that a call was canceled now; the keys that are forgotten for it, as
    /// their calls will not come any more, or there are too many.
    pub(crate) fn add(&mut self, key: &str, now: Timestamp) -> Vec<String> {
        if self.keys.insert(key.to_owned()) {
            self.order.push_back((now, key.to_owned()));
        }
        std::iter::from_fn(|| self.forget(now)).collect()
    }

    fn forget(&mut self, now: Timestamp) -> Option<String> {
        let (at, _) = self.order.front()?;
        let is_old = *at + CANCEL_RETENTION < now;
        if !is_old && self.order.len() <= MAX_TOMBSTONES {
            return None;
        }
        let (_, key) = self.order.pop_front()?;
        self.keys.remove(&key);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(ms)
    }

    #[test]
    fn old_ones_are_forgotten_when_new_ones_come() {
        let mut stones = Tombstones::restore(vec![(at(5), "b".into()), (at(3), "a".into())]);
        assert!(stones.contains("a") && !stones.contains("c"));
        assert_eq!(stones.add("b", at(6)), [""; 0], "it is remembered already");
        let later = at(3) + CANCEL_RETENTION + std::time::Duration::from_millis(1);
        assert_eq!(stones.add("c", later), ["a"]);
        assert!(!stones.contains("a") && stones.contains("b") && stones.contains("c"));
    }

    #[test]
    fn there_are_never_too_many() {
        let mut stones = Tombstones::default();
        let mut forgotten = Vec::new();
        for n in 0..=MAX_TOMBSTONES {
            forgotten.extend(stones.add(&n.to_string(), at(1)));
        }
        assert_eq!(forgotten, ["0"]);
    }
}
