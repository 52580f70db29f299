use crate::{Decision, Resources};

/// One round of decisions, while it is made.
#[derive(Debug)]
pub(super) struct Round {
    /// Unix milliseconds.
    pub(super) now: u64,
    pub(super) decisions: Vec<Decision>,
    /// Demands for which there was no room; none asks for as much as another or more.
    no_room: Vec<Resources>,
}

impl Round {
    pub(super) fn new(now: u64) -> Self {
        Self {
            now,
            decisions: Vec::new(),
            no_room: Vec::new(),
        }
    }

    /// There is no room for `demand`, so that there is none for more. It stays so in this round:
    /// rooms only shrink before others are preempted.
    pub(super) fn has_no_room(&mut self, demand: Resources) {
        if !self.is_hopeless(demand) {
            self.no_room.retain(|known| !demand.fits(*known));
            self.no_room.push(demand);
        }
    }

    pub(super) fn is_hopeless(&self, demand: Resources) -> bool {
        self.no_room.iter().any(|known| known.fits(demand))
    }
}
