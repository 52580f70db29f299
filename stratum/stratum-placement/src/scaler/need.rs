//! How many workers what waits asks for.

use super::{SECOND, Scaler};

/// What decided how many are needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) workers: u64,
    /// Invocations that should have ended in the time.
    pub(super) due: u64,
    pub(super) within_ms: u64,
}

impl Scaler {
    /// The fewest workers with which all that waits ends in time, the earliest first, given that
    /// what is leased is half done. What is late already counts as if one service time were left.
    pub(super) fn need(&self, now: u64) -> Need {
        let service = self.service.get();
        let ahead = self.leased.saturating_mul(service) / 2;
        let (mut need, mut due) = (Need::default(), 0u64);
        for (by, count) in &self.waiting {
            due += count;
            let left = (by * SECOND).saturating_sub(now);
            let usable = left.saturating_sub(self.launch.get()).max(service);
            let work = due.saturating_mul(service).saturating_add(ahead);
            let workers = work.div_ceil(usable);
            if workers > need.workers {
                need = Need {
                    workers,
                    due,
                    within_ms: left,
                };
            }
        }
        need
    }

    /// The most workers that find something to do.
    pub(super) fn useful(&self) -> u64 {
        self.counts.busy + self.depth.div_ceil(self.goal.batch)
    }
}
