use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use plato::Phase;

/// What a runtime has counted since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that had been handled before.
    pub duplicates: u64,
    /// Results of tries that had been given up, or of workflows that were ending.
    pub late: u64,
    /// Journal events written.
    pub events: u64,
    /// Commits made.
    pub commits: u64,
    /// Commits refused because another process had taken the group over.
    pub fenced: u64,
    /// Groups recovered from the store.
    pub recoveries: u64,
    /// Workflows that ended well, in failure, and by being canceled.
    pub succeeded: u64,
    pub failed: u64,
    pub canceled: u64,
    /// Rules that fired.
    pub fired: u64,
    /// Groups that are owned at the moment.
    pub groups: u64,
    /// Workflows in them that have not ended, those of rules among them.
    pub live: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) duplicates: Counter,
    pub(crate) late: Counter,
    pub(crate) events: Counter,
    pub(crate) commits: Counter,
    pub(crate) fenced: Counter,
    pub(crate) recoveries: Counter,
    pub(crate) fired: Counter,
    succeeded: Counter,
    failed: Counter,
    canceled: Counter,
    groups: Counter,
    live: Counter,
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Counts `n` more.
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Counts what the other one did, which begins anew.
    fn take_over(&self, other: &Self) {
        self.add(other.0.swap(0, Ordering::Relaxed));
    }

    fn take(&self, n: u64) {
        self.0.fetch_sub(n, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    /// A workflow has ended so.
    pub(crate) fn ended(&self, phase: Phase) {
        let ended = match phase {
            Phase::Succeeded => &self.succeeded,
            Phase::Failed => &self.failed,
            Phase::Canceled => &self.canceled,
            Phase::Running | Phase::Failing | Phase::Canceling => return,
        };
        ended.add(1);
    }

    /// Counts what a round did, once it is committed.
    pub(crate) fn take_over(&self, tally: &Self) {
        let counted = [
            (&self.duplicates, &tally.duplicates),
            (&self.late, &tally.late),
            (&self.events, &tally.events),
            (&self.fired, &tally.fired),
            (&self.succeeded, &tally.succeeded),
            (&self.failed, &tally.failed),
            (&self.canceled, &tally.canceled),
        ];
        counted
            .iter()
            .for_each(|(all, of_round)| all.take_over(of_round));
    }

    pub(crate) fn read(&self) -> Counts {
        Counts {
            duplicates: self.duplicates.get(),
            late: self.late.get(),
            events: self.events.get(),
            commits: self.commits.get(),
            fenced: self.fenced.get(),
            recoveries: self.recoveries.get(),
            succeeded: self.succeeded.get(),
            failed: self.failed.get(),
            canceled: self.canceled.get(),
            fired: self.fired.get(),
            groups: self.groups.get(),
            live: self.live.get(),
        }
    }
}

/// The part that a group has in what is counted, as long as it is owned.
#[derive(Debug)]
pub(crate) struct Part {
    counters: Arc<Counters>,
    live: u64,
}

impl Part {
    pub(crate) fn new(counters: &Arc<Counters>) -> Self {
        counters.groups.add(1);
        Self {
            counters: Arc::clone(counters),
            live: 0,
        }
    }

    /// So many of its workflows have not ended.
    pub(crate) fn live(&mut self, now: usize) {
        let before = std::mem::replace(&mut self.live, now as u64);
        self.counters.live.add(self.live);
        self.counters.live.take(before);
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.live(0);
        self.counters.groups.take(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_round_did_is_counted_once() {
        let (all, tally) = (Counters::default(), Counters::default());
        all.events.add(2);
        tally.events.add(3);
        tally.late.add(1);
        tally.ended(Phase::Failed);
        all.take_over(&tally);
        all.take_over(&tally);
        let expected = Counts {
            events: 5,
            late: 1,
            failed: 1,
            ..Counts::default()
        };
        assert_eq!((all.read(), tally.read()), (expected, Counts::default()));
    }
}
