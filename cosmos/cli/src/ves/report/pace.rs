use std::time::Duration;

/// How fast work goes, and so how long the rest takes.
///
/// A mean over the recent past: work and time are forgotten at the same pace, at first hardly at
/// all, so that the estimate settles; in a long run what is minutes ago no longer counts, so that
/// it follows a change of the material.
#[derive(Clone, Debug, Default)]
pub(in crate::ves) struct Pace {
    begun: Option<Duration>,
    last: Duration,
    worked: f64,
    /// Work and seconds that still count.
    work: f64,
    seconds: f64,
}

/// Memory, in seconds: half of the time so far, within these bounds.
const SHORTEST: f64 = 10.0;
const LONGEST: f64 = 180.0;

/// Before this much time, in seconds, nothing is promised.
const UNSURE: f64 = 2.0;

impl Pace {
    /// Takes how much work had been done, of this run's own, at `now`; both since it began.
    pub(in crate::ves) fn saw(&mut self, now: Duration, worked: f64) {
        let begun = *self.begun.get_or_insert_with(|| {
            (self.last, self.worked) = (now, worked);
            now
        });
        let passed = now.saturating_sub(self.last).as_secs_f64();
        let memory = (now.saturating_sub(begun).as_secs_f64() / 2.0).clamp(SHORTEST, LONGEST);
        let kept = (-passed / memory).exp();
        // A task that is tried again takes its share back.
        self.work = self.work * kept + (worked - self.worked);
        self.seconds = self.seconds * kept + passed;
        (self.last, self.worked) = (now, worked);
    }

    /// Work per second; `None` while too little has been seen.
    pub(super) fn rate(&self) -> Option<f64> {
        let rate = self.work / self.seconds;
        let seen = self.last.saturating_sub(self.begun?).as_secs_f64();
        (seen >= UNSURE && rate > 0.0).then_some(rate)
    }

    /// How long so much more work takes.
    pub(in crate::ves) fn left(&self, rest: f64) -> Option<Duration> {
        let seconds = rest / self.rate()?;
        // Longer than anybody waits; and a duration always holds it.
        Some(Duration::from_secs_f64(seconds.clamp(0.0, 1e8)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Sees `rate(second)` of work in each of `seconds`.
    fn seen(seconds: u64, rate: impl Fn(u64) -> f64) -> Pace {
        let mut pace = Pace::default();
        let mut worked = 0.0;
        for second in 0..=seconds {
            pace.saw(Duration::from_secs(100 + second), worked);
            worked += rate(second);
        }
        pace
    }

    fn left(pace: &Pace, rest: f64) -> f64 {
        pace.left(rest).unwrap().as_secs_f64()
    }

    #[test]
    fn steady_work_is_foretold_exactly_from_early_on() {
        for seconds in [2, 10, 100, 10_000] {
            let pace = seen(seconds, |_| 0.25);
            assert!((left(&pace, 10.0) - 40.0).abs() < 1e-6, "{seconds}");
        }
    }

    #[test]
    fn nothing_is_promised_before_something_is_known() {
        assert_eq!(Pace::default().left(1.0), None);
        assert_eq!(seen(1, |_| 1.0).left(1.0), None);
        assert_eq!(seen(100, |_| 0.0).left(1.0), None);
    }

    #[test]
    fn work_in_bursts_gives_a_calm_estimate() {
        // One task ends every eight seconds.
        let burst = |second: u64| if second % 8 == 7 { 1.0 } else { 0.0 };
        for seconds in 120..136 {
            let estimate = left(&seen(seconds, burst), 10.0);
            assert!((70.0..90.0).contains(&estimate), "{seconds}: {estimate}");
        }
    }

    #[test]
    fn harder_material_is_noticed_within_minutes() {
        let pace = seen(1_800, |second| if second < 1_000 { 1.0 } else { 0.5 });
        let estimate = left(&pace, 10.0);
        assert!((19.5..20.0).contains(&estimate), "{estimate}");
    }

    #[test]
    fn a_task_tried_again_makes_it_longer_and_never_nonsense() {
        let mut pace = seen(10, |_| 1.0);
        pace.saw(Duration::from_secs(111), 7.0);
        assert!(left(&pace, 10.0) > 10.0);
        pace.saw(Duration::from_secs(112), 0.0);
        assert_eq!(pace.left(10.0), None);
    }
}
