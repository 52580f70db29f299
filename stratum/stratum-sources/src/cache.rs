//! Blocks that are here or on their way: a bounded table without any waiting.

use std::collections::HashMap;
use std::ops::Range;

use bytes::Bytes;

#[derive(Debug)]
pub(crate) struct Cache {
    most: usize,
    slots: HashMap<u64, Slot>,
    uses: u64,
    /// That there were at a time.
    peak: usize,
}

#[derive(Debug)]
enum Slot {
    Coming,
    Here {
        bytes: Bytes,
        /// What was fetched ahead and not read yet is kept longer than what was read.
        unread: bool,
        used: u64,
    },
}

/// What there is of a block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Here(Bytes),
    Coming,
    Absent,
}

impl Cache {
    /// For `most` blocks.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            slots: HashMap::new(),
            uses: 0,
            peak: 0,
        }
    }

    pub(crate) fn find(&mut self, block: u64) -> Found {
        self.uses += 1;
        match self.slots.get_mut(&block) {
            None => Found::Absent,
            Some(Slot::Coming) => Found::Coming,
            Some(Slot::Here {
                bytes,
                unread,
                used,
            }) => {
                (*unread, *used) = (false, self.uses);
                Found::Here(bytes.clone())
            }
        }
    }

    /// Promises those of `blocks` that are absent, as long as there is room; the runs of them, to
    /// be fetched now.
    pub(crate) fn claim(&mut self, blocks: Range<u64>) -> Vec<Range<u64>> {
        let mut runs: Vec<Range<u64>> = Vec::new();
        for block in blocks {
            if self.slots.contains_key(&block) {
                continue;
            }
            if !self.make_room() {
                break;
            }
            self.slots.insert(block, Slot::Coming);
            self.peak = self.peak.max(self.slots.len());
            match runs.last_mut() {
                Some(run) if run.end == block => run.end += 1,
                _ => runs.push(block..block + 1),
            }
        }
        runs
    }

    /// A promised block has come.
    pub(crate) fn fill(&mut self, block: u64, bytes: Bytes) {
        self.uses += 1;
        let slot = Slot::Here {
            bytes,
            unread: true,
            used: self.uses,
        };
        if let Some(coming) = self.slots.get_mut(&block) {
            *coming = slot;
        }
    }

    /// What of `blocks` has not come will not.
    pub(crate) fn give_up(&mut self, blocks: Range<u64>) {
        for block in blocks {
            if matches!(self.slots.get(&block), Some(Slot::Coming)) {
                self.slots.remove(&block);
            }
        }
    }

    /// The most blocks that there were at a time.
    pub(crate) fn peak(&self) -> usize {
        self.peak
    }

    /// Forgets what was not needed for longest, if need be; whether there is room.
    fn make_room(&mut self) -> bool {
        if self.slots.len() < self.most {
            return true;
        }
        let here = self.slots.iter().filter_map(|(block, slot)| match slot {
            Slot::Coming => None,
            Slot::Here { unread, used, .. } => Some((*unread, *used, *block)),
        });
        let oldest = here.min().map(|(_, _, block)| block);
        oldest.is_some_and(|block| self.slots.remove(&block).is_some())
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::single_range_in_vec_init,
        reason = "runs of blocks, of which there is one"
    )]
    use proptest::prelude::*;

    use super::*;

    fn filled(most: usize, blocks: Range<u64>) -> Cache {
        let mut cache = Cache::new(most);
        for block in blocks {
            cache.claim(block..block + 1);
            cache.fill(block, Bytes::from(block.to_le_bytes().to_vec()));
        }
        cache
    }

    #[test]
    fn what_was_read_goes_before_what_was_fetched_ahead() {
        let mut cache = filled(4, 0..4);
        assert!(matches!(cache.find(3), Found::Here(_)));
        assert_eq!(cache.claim(9..10), [9..10]);
        assert_eq!(cache.find(3), Found::Absent);
        assert!(matches!(cache.find(0), Found::Here(_)));
    }

    #[test]
    fn what_is_promised_is_never_forgotten() {
        let mut cache = Cache::new(2);
        assert_eq!(cache.claim(0..5), [0..2]);
        assert!(cache.claim(7..8).is_empty());
        cache.give_up(0..1);
        assert_eq!(cache.claim(7..8), [7..8]);
        assert_eq!(
            (cache.find(0), cache.find(1)),
            (Found::Absent, Found::Coming)
        );
    }

    #[test]
    fn only_what_is_absent_is_fetched() {
        let mut cache = filled(8, 2..4);
        assert_eq!(cache.claim(0..6), [0..2, 4..6]);
        assert!(cache.claim(0..6).is_empty());
    }

    #[derive(Debug, Clone)]
    enum Act {
        Claim(u64, u64),
        Fill(u64),
        GiveUp(u64),
        Find(u64),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            (0u64..40, 1u64..8).prop_map(|(from, length)| Act::Claim(from, length)),
            (0u64..40).prop_map(Act::Fill),
            (0u64..40).prop_map(Act::GiveUp),
            (0u64..40).prop_map(Act::Find),
        ]
    }

    proptest! {
        #[test]
        fn it_never_holds_more_nor_another_block(
            most in 1usize..12,
            acts in proptest::collection::vec(act(), 1..300),
        ) {
            let mut cache = Cache::new(most);
            for act in acts {
                match act {
                    Act::Claim(from, length) => {
                        for run in cache.claim(from..from + length) {
                            prop_assert!(run.start >= from && run.end <= from + length);
                            prop_assert_eq!(cache.find(run.start), Found::Coming);
                        }
                    }
                    Act::Fill(block) => cache.fill(block, Bytes::from(block.to_le_bytes().to_vec())),
                    Act::GiveUp(block) => cache.give_up(block..block + 1),
                    Act::Find(block) => if let Found::Here(bytes) = cache.find(block) {
                        prop_assert_eq!(bytes, block.to_le_bytes().to_vec());
                    },
                }
                prop_assert!(cache.slots.len() <= most);
            }
        }
    }
}
