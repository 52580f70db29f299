use crate::MessageState;
use crate::labels::{ALL, Label};
use crate::sorted::Sorted;

#[cfg(test)]
thread_local! {
    /// Messages that were looked at, on whatever shelf.
    pub(crate) static LOOKED_AT: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Where a message stands among its equals: lower comes first.
pub(crate) type Rank = (i64, u64);

const FIRST: Rank = (i64::MIN, 0);

/// The messages of one queue, by state and rank.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf {
    all: [Sorted<Rank>; 6],
    /// Those that bear another label than [`ALL`].
    labelled: Sorted<(Label, MessageState, Rank)>,
}

impl Shelf {
    pub(crate) fn insert(&mut self, label: Label, state: MessageState, rank: Rank) {
        match label {
            ALL => self.all[state as usize].insert(rank),
            label => self.labelled.insert((label, state, rank)),
        }
    }

    pub(crate) fn remove(&mut self, label: Label, state: MessageState, rank: Rank) {
        match label {
            ALL => self.all[state as usize].remove(rank),
            label => self.labelled.remove((label, state, rank)),
        }
    }

    /// The most urgent message that waits.
    pub(crate) fn pending(&self, label: Label) -> Option<Rank> {
        self.from(label, MessageState::Pending, FIRST).next()
    }

    /// The messages from a rank on.
    pub(crate) fn from(
        &self,
        label: Label,
        state: MessageState,
        rank: Rank,
    ) -> impl Iterator<Item = Rank> {
        let all = (label == ALL).then(|| self.all[state as usize].from(rank));
        let labelled = (label != ALL).then(|| self.labelled.from((label, state, rank)));
        let labelled = labelled.into_iter().flatten();
        let same = move |spot: &(Label, MessageState, Rank)| (spot.0, spot.1) == (label, state);
        let labelled = labelled.take_while(same).map(|spot| spot.2);
        let ranks = all.into_iter().flatten().chain(labelled);
        #[cfg(test)]
        let ranks = ranks.inspect(|_| LOOKED_AT.with(|n| n.set(n.get() + 1)));
        ranks
    }

    /// All messages.
    pub(crate) fn all(&self) -> impl Iterator<Item = Rank> {
        self.all.iter().flat_map(|ranks| ranks.from(FIRST))
    }
}
