use serde::Serialize;

use super::round::{Checked, Ran};
use crate::disk::Forgotten;
use crate::workload::Facts;

/// The most failures that are told in full.
const TOLD: usize = 20;

/// What a proof has shown.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    pub seed: u64,
    pub cuts: u64,
    /// Cuts before the first commit of a round was acknowledged.
    pub cuts_before_a_commit: u64,
    /// Commits that were acknowledged, over all rounds.
    pub acknowledged: u64,
    /// Cuts after which an acknowledged commit was missing or not whole.
    pub lost: u64,
    /// Cuts after which the store could not be opened.
    pub unopenable: u64,
    /// Writes, syncs and changes of names.
    pub changes: u64,
    /// Writes that were at risk in the cuts.
    pub unsynced_writes: u64,
    /// Changes of directory entries that were at risk in the cuts.
    pub unsynced_entries: u64,
    /// What went wrong, the first few.
    pub failures: Vec<String>,
}

impl Report {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    pub(super) fn count(&mut self, ran: &Ran, before: &Facts) {
        let acknowledged = ran.acknowledged.commits() - before.commits();
        self.cuts += 1;
        self.cuts_before_a_commit += u64::from(acknowledged == 0);
        self.acknowledged += acknowledged;
        self.changes += ran.changes;
    }

    pub(super) fn forgotten(&mut self, forgotten: Forgotten) {
        self.unsynced_writes += forgotten.writes;
        self.unsynced_entries += forgotten.entries;
    }

    /// Counts what a check found; what to go on with, if the store is right.
    pub(super) fn judge(&mut self, cut: u64, checked: Checked) -> Option<Facts> {
        match checked {
            Checked::Right(found) => return Some(found),
            Checked::Wrong(wrong) => {
                self.lost += 1;
                self.tell(format!("cut {cut}: {}", wrong.join("; ")));
            }
            Checked::Unopenable(why) => {
                self.unopenable += 1;
                self.tell(format!("cut {cut}: cannot be opened: {}", why.trim()));
            }
        }
        None
    }

    fn tell(&mut self, failure: String) {
        if self.failures.len() < TOLD {
            self.failures.push(failure.chars().take(2_000).collect());
        }
    }

    /// Whether every acknowledged commit was there after every cut.
    pub fn is_clean(&self) -> bool {
        self.lost == 0 && self.unopenable == 0
    }
}
