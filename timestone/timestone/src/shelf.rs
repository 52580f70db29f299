use std::collections::BTreeSet;

use crate::MessageState;
use crate::labels::Label;

#[cfg(test)]
thread_local! {
    /// Messages that were looked at, on whatever shelf.
    pub(crate) static LOOKED_AT: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Where a message stands among its equals: lower comes first.
pub(crate) type Rank = (i64, u64);

/// The messages that bear a label, by state and rank.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf(BTreeSet<(Label, MessageState, Rank)>);

impl Shelf {
    pub(crate) fn insert(&mut self, label: Label, state: MessageState, rank: Rank) {
        self.0.insert((label, state, rank));
    }

    pub(crate) fn remove(&mut self, label: Label, state: MessageState, rank: Rank) {
        self.0.remove(&(label, state, rank));
    }

    /// The most urgent message that waits.
    pub(crate) fn pending(&self, label: Label) -> Option<Rank> {
        let from = (i64::MIN, 0);
        self.from(label, MessageState::Pending, from).next()
    }

    /// The messages from a rank on.
    pub(crate) fn from(
        &self,
        label: Label,
        state: MessageState,
        rank: Rank,
    ) -> impl Iterator<Item = Rank> {
        let spots = (label, state, rank)..=(label, state, (i64::MAX, u64::MAX));
        let spots = self.0.range(spots);
        #[cfg(test)]
        let spots = spots.inspect(|_| LOOKED_AT.with(|n| n.set(n.get() + 1)));
        spots.map(|(_, _, rank)| *rank)
    }

    /// All messages of a label.
    pub(crate) fn all(&self, label: Label) -> impl Iterator<Item = Rank> {
        let from = (label, MessageState::Invisible, (i64::MIN, 0));
        let to = (label, MessageState::Errored, (i64::MAX, u64::MAX));
        self.0.range(from..=to).map(|(_, _, rank)| *rank)
    }
}
