use std::ops::Range;

use serde::Serialize;

use crate::coverage::{Counted, Coverage, Transition};
use crate::trial::{Trial, run};

/// What many seeds led to.
#[derive(Debug, Serialize)]
pub struct Summary {
    pub seeds: u64,
    /// Events that were journaled.
    pub events: u64,
    /// Seeds that broke a promise, each with the first one it broke.
    pub broken: Vec<(u64, String)>,
    /// Every transition of the state machines, and how often it occurred.
    pub transitions: Vec<Counted>,
    /// Transitions that never occurred.
    pub missing: Vec<Transition>,
    /// Transitions that occurred and should not.
    pub undeclared: Vec<Transition>,
}

impl Summary {
    /// Whether every promise was kept.
    pub fn holds(&self) -> bool {
        self.broken.is_empty() && self.undeclared.is_empty()
    }
}

/// Runs these seeds, as many at a time as there are processors.
pub fn soak(seeds: Range<u64>) -> Summary {
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let parts = (0..threads).map(|part| {
        let seeds = seeds.clone().skip(part as usize).step_by(threads as usize);
        std::thread::spawn(move || {
            seeds
                .map(|seed| (seed, run(seed, None)))
                .fold(Sum::default(), Sum::add)
        })
    });
    let parts: Vec<_> = parts.collect();
    let mut sum = Sum::default();
    for part in parts {
        match part.join() {
            Ok(part) => sum.join(part),
            Err(_) => sum.broken.push((seeds.start, "a run panicked".into())),
        }
    }
    sum.broken.sort();
    Summary {
        seeds: seeds.end - seeds.start,
        events: sum.events,
        broken: sum.broken,
        transitions: sum.coverage.counted(),
        missing: sum.coverage.missing(),
        undeclared: sum.coverage.undeclared(),
    }
}

#[derive(Default)]
struct Sum {
    events: u64,
    broken: Vec<(u64, String)>,
    coverage: Coverage,
}

impl Sum {
    fn add(mut self, (seed, trial): (u64, Trial)) -> Self {
        self.events += trial.events;
        self.coverage.add(&trial.coverage);
        self.broken.extend(trial.broken.map(|why| (seed, why)));
        self
    }

    fn join(&mut self, other: Self) {
        self.events += other.events;
        self.coverage.add(&other.coverage);
        self.broken.extend(other.broken);
    }
}
