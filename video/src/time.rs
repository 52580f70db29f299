//! Rates and ticks.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Rational;

/// Frames per second, above 0. Nominal: where timestamps exist, they rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Rational", into = "Rational")]
pub struct FrameRate(Rational);

/// Seconds per tick of a track's timestamps, above 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Rational", into = "Rational")]
pub struct TimeBase(Rational);

const MICROSECONDS: Rational = Rational::whole(1_000_000);

impl FrameRate {
    /// `None` unless above 0.
    #[must_use]
    pub fn new(rate: Rational) -> Option<Self> {
        rate.is_positive().then_some(FrameRate(rate))
    }

    #[must_use]
    pub fn as_rational(self) -> Rational {
        self.0
    }

    /// Frames in so many milliseconds, to the nearest; `None` when it leaves 64 bits.
    #[must_use]
    pub fn frames_in_ms(self, ms: i64) -> Option<i64> {
        self.0.checked_div(Rational::whole(1000))?.round_mul(ms)
    }
}

impl TimeBase {
    /// `None` unless above 0.
    #[must_use]
    pub fn new(seconds_per_tick: Rational) -> Option<Self> {
        seconds_per_tick
            .is_positive()
            .then_some(TimeBase(seconds_per_tick))
    }

    /// 1/`ticks`; `None` unless above 0.
    #[must_use]
    pub fn per_second(ticks: i64) -> Option<Self> {
        TimeBase::new(Rational::new(1, ticks)?)
    }

    #[must_use]
    pub fn as_rational(self) -> Rational {
        self.0
    }

    /// The exact time of a tick, in seconds; `None` when it leaves 64 bits.
    #[must_use]
    pub fn seconds(self, ticks: i64) -> Option<Rational> {
        self.0.checked_mul(Rational::whole(ticks))
    }

    /// The time of a tick in microseconds, rounded down; `None` when it leaves 64 bits.
    #[must_use]
    pub fn floor_micros(self, ticks: i64) -> Option<i64> {
        self.0.checked_mul(MICROSECONDS)?.floor_mul(ticks)
    }

    /// The same time in ticks of `other`, to the nearest; `None` when it leaves 64 bits.
    #[must_use]
    pub fn rescale(self, ticks: i64, other: TimeBase) -> Option<i64> {
        self.0.checked_div(other.0)?.round_mul(ticks)
    }
}

impl TryFrom<Rational> for FrameRate {
    type Error = &'static str;

    fn try_from(rate: Rational) -> Result<Self, Self::Error> {
        FrameRate::new(rate).ok_or("a frame rate is above 0")
    }
}

impl TryFrom<Rational> for TimeBase {
    type Error = &'static str;

    fn try_from(base: Rational) -> Result<Self, Self::Error> {
        TimeBase::new(base).ok_or("a time base is above 0")
    }
}

impl From<FrameRate> for Rational {
    fn from(rate: FrameRate) -> Rational {
        rate.0
    }
}

impl From<TimeBase> for Rational {
    fn from(base: TimeBase) -> Rational {
        base.0
    }
}

impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for TimeBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_hours_of_ntsc_do_not_drift() {
        let base = TimeBase::new(Rational::new(1001, 30000).unwrap()).unwrap();
        let ms = TimeBase::per_second(1000).unwrap();
        assert_eq!(base.rescale(215_784, ms), Some(7_199_993));
        assert_eq!(base.seconds(30_000), Some(Rational::whole(1001)));
        assert_eq!(base.floor_micros(1), Some(33_366));
        assert_eq!(base.floor_micros(-1), Some(-33_367));
    }

    #[test]
    fn durations_become_frames() {
        let rate = |n, d| FrameRate::new(Rational::new(n, d).unwrap()).unwrap();
        assert_eq!(rate(24, 1).frames_in_ms(5000), Some(120));
        assert_eq!(rate(30000, 1001).frames_in_ms(10_000), Some(300));
    }

    #[test]
    fn nothing_stands_still_or_runs_backwards() {
        assert_eq!(FrameRate::new(Rational::ZERO), None);
        assert_eq!(TimeBase::new(Rational::whole(-1)), None);
    }

    proptest! {
        #[test]
        fn a_finer_base_loses_nothing(ticks in -1_000_000_000i64..1_000_000_000, den in 1..90_000i64, k in 1..100i64) {
            let coarse = TimeBase::per_second(den).unwrap();
            let fine = TimeBase::per_second(den * k).unwrap();
            let there = coarse.rescale(ticks, fine).unwrap();
            prop_assert_eq!(fine.rescale(there, coarse), Some(ticks));
        }
    }
}
