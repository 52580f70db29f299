use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A set of numbers that takes room for its gaps, not for its members: what is
/// done of a wide map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub struct IntervalSet {
    /// Start to end (exclusive) of runs that neither touch nor overlap.
    runs: BTreeMap<u64, u64>,
    len: u64,
}

impl IntervalSet {
    /// How many numbers it holds.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether it holds `number`.
    pub fn contains(&self, number: u64) -> bool {
        self.run_at(number).is_some()
    }

    /// Adds `number`; false when it was there.
    pub fn insert(&mut self, number: u64) -> bool {
        if self.contains(number) {
            return false;
        }
        let start = match self.run_before(number) {
            Some((start, end)) if end == number => start,
            _ => number,
        };
        let end = self.runs.remove(&(number + 1)).unwrap_or(number + 1);
        self.runs.insert(start, end);
        self.len += 1;
        true
    }

    /// The least number from `from` on that it does not hold.
    pub fn next_gap(&self, from: u64) -> u64 {
        self.run_at(from).map_or(from, |(_, end)| end)
    }

    fn run_at(&self, number: u64) -> Option<(u64, u64)> {
        self.run_before(number).filter(|(_, end)| *end > number)
    }

    fn run_before(&self, number: u64) -> Option<(u64, u64)> {
        let run = self.runs.range(..=number).next_back();
        run.map(|(start, end)| (*start, *end))
    }
}

impl From<Vec<(u64, u64)>> for IntervalSet {
    fn from(runs: Vec<(u64, u64)>) -> Self {
        let len = runs
            .iter()
            .map(|(start, end)| end.saturating_sub(*start))
            .sum();
        Self {
            runs: runs.into_iter().collect(),
            len,
        }
    }
}

impl From<IntervalSet> for Vec<(u64, u64)> {
    fn from(set: IntervalSet) -> Self {
        set.runs.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(numbers in proptest::collection::vec(0_u64..60, 0..120)) {
            let (mut set, mut model) = (IntervalSet::default(), BTreeSet::new());
            for number in numbers {
                prop_assert_eq!(set.insert(number), model.insert(number));
            }
            prop_assert_eq!(set.len(), model.len() as u64);
            for number in 0..62 {
                prop_assert_eq!(set.contains(number), model.contains(&number));
                let gap = (number..).find(|n| !model.contains(n)).unwrap();
                prop_assert_eq!(set.next_gap(number), gap);
            }
            let text = serde_json::to_string(&set).unwrap();
            prop_assert_eq!(serde_json::from_str::<IntervalSet>(&text).unwrap(), set);
        }
    }

    #[test]
    fn what_touches_runs_together() {
        let mut set = IntervalSet::default();
        assert!([0, 2, 1, 5].into_iter().all(|number| set.insert(number)));
        assert_eq!(Vec::from(set), [(0, 3), (5, 6)]);
    }
}
