//! A sorted set of ranks in which those of one priority that came one after the other
//! share an entry: for messages that have ended, of which there are many.

use std::collections::BTreeMap;

use crate::shelf::Rank;

/// Sequences of one entry.
const RUN: u64 = u64::BITS as u64;

/// A bit for each sequence, by priority and number of the run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs(BTreeMap<Rank, u64>);

fn place((priority, sequence): Rank) -> (Rank, u64) {
    ((priority, sequence / RUN), 1 << (sequence % RUN))
}

impl Runs {
    pub(crate) fn insert(&mut self, rank: Rank) {
        let (run, bit) = place(rank);
        *self.0.entry(run).or_default() |= bit;
    }

    pub(crate) fn remove(&mut self, rank: Rank) {
        let (run, bit) = place(rank);
        if let Some(bits) = self.0.get_mut(&run) {
            *bits &= !bit;
            if *bits == 0 {
                self.0.remove(&run);
            }
        }
    }

    /// The ranks from this one on.
    pub(crate) fn from(&self, from: Rank) -> impl Iterator<Item = Rank> {
        let runs = self.0.range(place(from).0..);
        let ranks = runs.flat_map(|((priority, run), bits)| {
            let there = (0..RUN).filter(move |n| bits & (1 << n) > 0);
            there.map(move |n| (*priority, run * RUN + n))
        });
        ranks.skip_while(move |rank| *rank < from)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_what_a_set_is(
            changes in vec((any::<bool>(), -2..2_i64, 0..300_u64), 0..600),
            from in (-3..3_i64, 0..300_u64),
        ) {
            let (mut runs, mut set) = (Runs::default(), BTreeSet::new());
            for (insert, priority, sequence) in changes {
                let rank = (priority, sequence);
                if insert {
                    runs.insert(rank);
                    set.insert(rank);
                } else {
                    runs.remove(rank);
                    set.remove(&rank);
                }
            }
            prop_assert!(runs.from(from).eq(set.range(from..).copied()));
            set.iter().for_each(|rank| runs.remove(*rank));
            prop_assert!(runs.0.is_empty());
        }
    }
}
