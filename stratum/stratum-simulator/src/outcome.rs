//! What came of a run.

use std::collections::BTreeMap;

use serde::Serialize;

/// A run of one policy.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    pub policy: String,
    pub hosts: u64,
    pub cores: u64,
    pub hours: u64,
    pub seed: u64,
    pub arrived: u64,
    pub ended: u64,
    /// Processor time of invocations that ended, of all processors of hosts that ran anything.
    pub utilisation_percent: f64,
    /// Hours in which a host ran something, over all hosts.
    pub host_hours: f64,
    /// What those cost, in the currency of the mix.
    pub cost: f64,
    /// The cost of an hour of a processor that was used.
    pub cost_per_core_hour: f64,
    /// Processor hours: of invocations that ended, held by workers, and lost to preemptions.
    pub busy_core_hours: f64,
    pub held_core_hours: f64,
    pub lost_core_hours: f64,
    pub launches: u64,
    pub preemptions: u64,
    /// By the class of the queue.
    pub classes: BTreeMap<String, ByClass>,
    pub samples: Vec<Sample>,
}

/// How one class fared.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ByClass {
    pub arrived: u64,
    /// Seconds from arrival to the last start; of what never started, to the end of the run.
    pub wait_p50_s: f64,
    pub wait_p95_s: f64,
    pub wait_p99_s: f64,
    pub wait_max_s: f64,
    /// Of those whose deadline has come.
    pub late_percent: f64,
}

/// The cluster at one time.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sample {
    pub hour: f64,
    /// Processors of workers that work, of all workers, and of hosts with any worker.
    pub busy: u64,
    pub held: u64,
    pub used: u64,
    pub waiting: u64,
}

/// The waits of a class, while they are collected.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waits {
    ms: Vec<u64>,
    due: u64,
    late: u64,
}

impl Waits {
    pub(crate) fn add(&mut self, wait_ms: u64) {
        self.ms.push(wait_ms);
    }

    pub(crate) fn judge(&mut self, is_late: bool) {
        self.due += 1;
        self.late += u64::from(is_late);
    }

    pub(crate) fn told(mut self) -> ByClass {
        self.ms.sort_unstable();
        let at = |percent: usize| {
            let rank = (self.ms.len() * percent).div_ceil(100);
            let ms = self.ms.get(rank.saturating_sub(1)).copied().unwrap_or(0);
            ms as f64 / 1e3
        };
        ByClass {
            arrived: self.ms.len() as u64,
            wait_p50_s: at(50),
            wait_p95_s: at(95),
            wait_p99_s: at(99),
            wait_max_s: at(100),
            late_percent: 100.0 * self.late as f64 / self.due.max(1) as f64,
        }
    }
}
