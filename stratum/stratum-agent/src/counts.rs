use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What an agent has done since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Functions that ran to their end, well or badly.
    pub executed: u64,
    /// Results that were remembered, without a run.
    pub from_memo: u64,
    /// Results that came too late and were refused.
    pub refused: u64,
    /// Runs stopped because their lease was lost.
    pub lost: u64,
    /// Runs stopped because they were canceled.
    pub canceled: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) executed: Counter,
    pub(crate) from_memo: Counter,
    pub(crate) refused: Counter,
    pub(crate) lost: Counter,
    pub(crate) canceled: Counter,
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn count(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Counters {
    pub(crate) fn read(&self) -> Counts {
        Counts {
            executed: self.executed.read(),
            from_memo: self.from_memo.read(),
            refused: self.refused.read(),
            lost: self.lost.read(),
            canceled: self.canceled.read(),
        }
    }
}
