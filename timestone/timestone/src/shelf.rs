use crate::MessageState;
use crate::labels::{ALL, Label};
use crate::runs::Runs;
use crate::sorted::Sorted;

#[cfg(test)]
thread_local! {
    /// Messages that were looked at, on whatever shelf.
    pub(crate) static LOOKED_AT: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Where a message stands among its equals: lower comes first.
pub(crate) type Rank = (i64, u64);

const FIRST: Rank = (i64::MIN, 0);

/// States in which a message has not ended: the first of them all.
const OPEN: usize = MessageState::Completed as usize;

/// The messages of one queue, by state and rank.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf {
    /// Those that have not ended.
    open: [Sorted<Rank>; OPEN],
    ended: [Runs; 3],
    /// Those that bear another label than [`ALL`].
    labelled: Sorted<(Label, MessageState, Rank)>,
}

impl Shelf {
    pub(crate) fn insert(&mut self, label: Label, state: MessageState, rank: Rank) {
        match label {
            ALL => match state as usize {
                open @ ..OPEN => self.open[open].insert(rank),
                ended => self.ended[ended - OPEN].insert(rank),
            },
            label => self.labelled.insert((label, state, rank)),
        }
    }

    pub(crate) fn remove(&mut self, label: Label, state: MessageState, rank: Rank) {
        match label {
            ALL => match state as usize {
                open @ ..OPEN => self.open[open].remove(rank),
                ended => self.ended[ended - OPEN].remove(rank),
            },
            label => self.labelled.remove((label, state, rank)),
        }
    }

    /// The most urgent message that waits.
    pub(crate) fn pending(&self, label: Label) -> Option<Rank> {
        const PENDING: MessageState = MessageState::Pending;
        #[cfg(test)]
        LOOKED_AT.with(|n| n.set(n.get() + 1));
        if label == ALL {
            return self.open[PENDING as usize].first();
        }
        let first = self.labelled.at_least((label, PENDING, FIRST));
        let is_same = |spot: &(Label, MessageState, Rank)| (spot.0, spot.1) == (label, PENDING);
        first.filter(is_same).map(|spot| spot.2)
    }

    /// The messages from a rank on.
    pub(crate) fn from(
        &self,
        label: Label,
        state: MessageState,
        rank: Rank,
    ) -> impl Iterator<Item = Rank> {
        let state_number = state as usize;
        let open = self.open.get(state_number).filter(|_| label == ALL);
        let ended = state_number.checked_sub(OPEN).filter(|_| label == ALL);
        let ended = ended.map(|ended| self.ended[ended].from(rank));
        let all = open.map(|open| open.from(rank)).into_iter().flatten();
        let all = all.chain(ended.into_iter().flatten());
        let labelled = (label != ALL).then(|| self.labelled.from((label, state, rank)));
        let labelled = labelled.into_iter().flatten();
        let same = move |spot: &(Label, MessageState, Rank)| (spot.0, spot.1) == (label, state);
        let labelled = labelled.take_while(same).map(|spot| spot.2);
        let ranks = all.chain(labelled);
        #[cfg(test)]
        let ranks = ranks.inspect(|_| LOOKED_AT.with(|n| n.set(n.get() + 1)));
        ranks
    }

    /// All messages.
    pub(crate) fn all(&self) -> impl Iterator<Item = Rank> {
        let open = self.open.iter().flat_map(|ranks| ranks.from(FIRST));
        open.chain(self.ended.iter().flat_map(|ranks| ranks.from(FIRST)))
    }
}
