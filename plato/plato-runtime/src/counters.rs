use std::sync::atomic::{AtomicU64, Ordering};

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
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) duplicates: Counter,
    pub(crate) late: Counter,
    pub(crate) events: Counter,
    pub(crate) commits: Counter,
    pub(crate) fenced: Counter,
    pub(crate) recoveries: Counter,
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Counts `n` more; the new count.
    pub(crate) fn add(&self, n: u64) -> u64 {
        self.0.fetch_add(n, Ordering::Relaxed) + n
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    pub(crate) fn read(&self) -> Counts {
        Counts {
            duplicates: self.duplicates.get(),
            late: self.late.get(),
            events: self.events.get(),
            commits: self.commits.get(),
            fenced: self.fenced.get(),
            recoveries: self.recoveries.get(),
        }
    }
}
