//! What is measured of a queue, in whole numbers.

use std::collections::VecDeque;

/// Seconds over which arrivals are counted.
const WINDOW: u64 = 60;
/// One new value in so many counts.
const PART: u64 = 8;
/// Fractions of a millisecond that a mean remembers.
const FINE: u64 = 256;

/// A moving mean of times.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mean(u64);

impl Mean {
    pub(super) fn new(guess_ms: u64) -> Self {
        Self(guess_ms.saturating_mul(FINE))
    }

    pub(super) fn add(&mut self, ms: u64) {
        let new = ms.saturating_mul(FINE);
        self.0 = self.0 - self.0 / PART + new / PART;
    }

    /// Milliseconds, at least one.
    pub(super) fn get(self) -> u64 {
        (self.0 / FINE).max(1)
    }
}

/// How many arrived in each of the last seconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrivals(VecDeque<(u64, u64)>);

impl Arrivals {
    pub(super) fn add(&mut self, now: u64) {
        let second = now / 1_000;
        match self.0.back_mut() {
            Some((last, count)) if *last >= second => *count += 1,
            _ => self.0.push_back((second, 1)),
        }
        while self
            .0
            .front()
            .is_some_and(|(first, _)| first + WINDOW < second)
        {
            self.0.pop_front();
        }
    }

    /// How many workers are busy all the time when each arrival takes so long.
    pub(super) fn busy(&self, now: u64, service_ms: u64) -> u64 {
        let from = (now / 1_000).saturating_sub(WINDOW);
        let recent = self.0.iter().filter(|(second, _)| *second > from);
        let count: u64 = recent.map(|(_, count)| count).sum();
        count.saturating_mul(service_ms).div_ceil(WINDOW * 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_moves_towards_what_is_measured() {
        let mut mean = Mean::new(1_000);
        for _ in 0..64 {
            mean.add(9_000);
        }
        assert!((8_900..=9_000).contains(&mean.get()), "{}", mean.get());
        assert_eq!(Mean::new(0).get(), 1);
    }

    #[test]
    fn old_arrivals_are_forgotten() {
        let mut arrivals = Arrivals::default();
        for second in 0..600 {
            arrivals.add(second * 1_000);
            arrivals.add(second * 1_000 + 500);
        }
        // Two a second, three seconds each.
        assert_eq!(arrivals.busy(599_999, 3_000), 6);
        assert_eq!(arrivals.busy(700_000, 3_000), 0);
        assert!(arrivals.0.len() <= 62);
    }
}
