use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use histories::evidence::Breaches;
use histories::history::History;
use histories::search::Verdict;
use serde::Serialize;

/// Histories that are told in full where they are impossible.
const TOLD: usize = 3;

/// What a soak has shown.
#[derive(Default, Serialize)]
pub struct Report {
    pub seed: u64,
    /// In this process.
    pub histories: u64,
    /// Of them, those in which clocks were set.
    pub histories_with_jumps: u64,
    /// Over processes that were killed: so many histories, with the kills below.
    pub histories_with_kills: u64,
    /// Calls that were judged, over all histories.
    pub calls: u64,
    /// Moments at which something crashed while clients called, by store and by what crashed.
    pub crash_points: BTreeMap<String, BTreeMap<String, u64>>,
    pub linearizable: u64,
    /// Histories that no order explains.
    pub impossible: Vec<String>,
    /// Histories that took too long to judge.
    pub too_hard: Vec<String>,
    #[serde(flatten)]
    pub breaches: Breaches,
    /// Power cuts after which the store could not be opened, and why.
    pub unopenable: Vec<String>,
    /// Planted mistakes, by where they were looked for: in how many of how many trials each was
    /// found. Looking ends where it was found.
    pub mistakes_found: BTreeMap<String, BTreeMap<String, Found>>,
    /// What this machine cannot do.
    pub skipped: Vec<String>,
    pub seconds: BTreeMap<String, u64>,
}

/// How often a mistake was found.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Found {
    pub found: u64,
    pub tried: u64,
}

impl Report {
    /// Judges a history; `name` is where and by which seed.
    pub fn judge(&mut self, name: &str, history: &History) {
        self.calls += history.calls.len() as u64;
        self.breaches += history.breaches();
        match history.judge() {
            Verdict::Linearizable => self.linearizable += 1,
            Verdict::TooHard => self.too_hard.push(name.into()),
            Verdict::Impossible { left, .. } => {
                if self.impossible.len() < TOLD {
                    eprintln!(
                        "{name}: no order explains {left:#?} of {:#?}",
                        history.calls
                    );
                }
                self.impossible.push(name.into());
            }
        }
    }

    pub fn crashed(&mut self, adapter: &str, what: &str) {
        let kinds = self.crash_points.entry(adapter.into()).or_default();
        *kinds.entry(what.into()).or_default() += 1;
    }

    /// An error where anything is wrong, or a mistake was overlooked.
    pub fn check(&self) -> Result<()> {
        ensure!(self.impossible.is_empty(), "a history has no explanation");
        ensure!(self.breaches == Breaches::default(), "{:?}", self.breaches);
        ensure!(self.unopenable.is_empty(), "a store could not be opened");
        for (place, mistakes) in &self.mistakes_found {
            for (mistake, found) in mistakes {
                ensure!(found.found > 0, "{mistake} was not found: {place}");
            }
        }
        Ok(())
    }
}
