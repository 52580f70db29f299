//! What arrives in each second, the same for every policy.

use std::f64::consts::TAU;

use crate::Queue;
use crate::random::Random;

const DAY_S: f64 = 86_400.0;

/// The arrivals of one queue.
#[derive(Clone, Debug)]
pub(crate) struct Arrivals {
    random: Random,
    /// A second, on average over the day.
    rate: f64,
    /// How much more than the mean arrives at the peak.
    swing: f64,
    peak_s: f64,
    seconds: f64,
    spread: f64,
}

impl Arrivals {
    pub(crate) fn new(queue: &Queue, number: u64, cores: u64, seed: u64) -> Self {
        let busy = cores as f64 * queue.load_percent as f64 / 100.0;
        let each = queue.seconds as f64 * f64::from(queue.shape.cpus);
        Self {
            random: Random::new(seed.wrapping_mul(1_000_003).wrapping_add(number)),
            rate: busy / each,
            swing: queue.peak_percent as f64 / 100.0 - 1.0,
            peak_s: queue.peak_hour as f64 * 3_600.0,
            seconds: queue.seconds as f64,
            spread: queue.spread_percent as f64 / 100.0,
        }
    }

    /// The times of service, in milliseconds, of what arrives in a second of the day.
    pub(crate) fn in_second(&mut self, second: u64) -> Vec<u64> {
        let phase = (second as f64 - self.peak_s) / DAY_S * TAU;
        let mean = self.rate * (1.0 + self.swing * phase.cos());
        let count = self.random.poisson(mean.max(0.0));
        let service = |_| {
            let seconds = self.random.around(self.seconds, self.spread);
            (seconds * 1_000.0).max(1.0) as u64
        };
        (0..count).map(service).collect()
    }
}
