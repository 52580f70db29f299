//! The buffer in front of a decoder.

use serde::{Deserialize, Serialize};

use crate::TimeBase;

/// A coded picture buffer that bits flow into at a rate that is never above `max_bitrate`, and out of
/// which access units are taken whole at their decoding times.
///
/// It is the hypothetical reference decoder of ITU-T H.264 and H.265, Annex C, with a variable rate
/// (`cbr_flag` 0): bits wait outside while the buffer is full, so that it never overflows, and an
/// access unit must be there whole when it is to be removed (C.3.3: `t_af(n)` ≤ `t_r(n)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DecoderBuffer {
    /// Bits in a second.
    pub max_bitrate: u64,
    /// Bits.
    pub size: u64,
}

impl DecoderBuffer {
    /// `None` when one of them is 0.
    #[must_use]
    pub fn new(max_bitrate: u64, size: u64) -> Option<Self> {
        (max_bitrate > 0 && size > 0).then_some(Self { max_bitrate, size })
    }

    /// Its state when it holds so many bits, on a clock of such ticks.
    #[must_use]
    pub fn holding(self, bits: u64, ticks: TimeBase) -> Fullness {
        let tick = ticks.as_rational();
        let unit = i128::from(tick.denominator());
        Fullness {
            unit,
            level: i128::from(bits.min(self.size)) * unit,
            size: i128::from(self.size) * unit,
            each_tick: i128::from(self.max_bitrate) * i128::from(tick.numerator()),
        }
    }
}

/// How full a [`DecoderBuffer`] is: exact, as all of it is counted in fractions of a bit that neither
/// bits nor ticks split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fullness {
    /// Of a bit.
    unit: i128,
    level: i128,
    size: i128,
    /// What a tick brings.
    each_tick: i128,
}

impl Fullness {
    /// Bits, rounded down.
    #[must_use]
    pub fn bits(&self) -> u64 {
        u64::try_from(self.level / self.unit).unwrap_or(u64::MAX)
    }

    /// Whether nothing more goes in.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.level == self.size
    }

    /// Takes an access unit out. What of it is not there, in bits rounded up: 0 where all is. The buffer
    /// is empty then.
    pub fn remove(&mut self, bits: u64) -> u64 {
        self.level -= i128::from(bits) * self.unit;
        let missing = (-self.level).max(0);
        self.level = self.level.max(0);
        u64::try_from((missing + self.unit - 1) / self.unit).unwrap_or(u64::MAX)
    }

    /// Lets so many ticks pass; none where time runs backwards.
    pub fn wait(&mut self, ticks: i64) {
        let more = self.each_tick.saturating_mul(i128::from(ticks.max(0)));
        self.level = self.level.saturating_add(more).min(self.size);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::Rational;

    fn ticks(numerator: i64, denominator: i64) -> TimeBase {
        TimeBase::new(Rational::new(numerator, denominator).unwrap()).unwrap()
    }

    #[test]
    fn bits_flow_in_until_it_is_full() {
        let buffer = DecoderBuffer::new(24_000, 5_000).unwrap();
        let mut now = buffer.holding(5_000, ticks(1, 24));
        assert!(now.is_full());
        assert_eq!(now.remove(4_500), 0);
        now.wait(1);
        assert_eq!(now.bits(), 1_500);
        now.wait(9);
        assert!(now.is_full());
    }

    #[test]
    fn what_is_missing_is_told_and_the_next_one_waits_for_an_empty_buffer() {
        let buffer = DecoderBuffer::new(24_000, 5_000).unwrap();
        let mut now = buffer.holding(9_999, ticks(1, 24));
        assert_eq!(now.remove(5_001), 1);
        now.wait(1);
        assert_eq!((now.remove(1_000), now.remove(1)), (0, 1));
    }

    /// A third of a bit in each tick: no fraction is lost in a day.
    #[test]
    fn nothing_is_rounded_on_the_way() {
        let buffer = DecoderBuffer::new(10, 1_000).unwrap();
        let mut now = buffer.holding(0, ticks(1, 30));
        (0..3 * 86_400).for_each(|_| {
            now.wait(1);
            if now.bits() > 0 {
                assert_eq!(now.remove(1), 0);
            }
        });
        assert_eq!(now, buffer.holding(0, ticks(1, 30)));
        now.wait(-5);
        assert_eq!(now.bits(), 0);
    }

    proptest! {
        /// The arrival times of Annex C (C.1.1), in ticks of 1/rate: an access unit arrives after the
        /// one before it, at the earliest a whole buffer ahead of its removal.
        #[test]
        fn it_is_the_schedule_of_annex_c(
            units in vec((0..3_000_u64, 1..40_i64), 1..200), rate in 1..2_000_u64,
            size in 1..9_000_u64,
        ) {
            let mut now = DecoderBuffer::new(rate, size).unwrap().holding(size, ticks(1, 1));
            let (mut removal, mut arrived) = (i128::from(size), 0_i128);
            for (bits, wait) in units {
                let earliest = removal - i128::from(size);
                let arrives = arrived.max(earliest) + i128::from(bits);
                let late = (arrives - removal).max(0);
                prop_assert_eq!(i128::from(now.remove(bits)), late);
                // Behind one that is late, both go on with an empty buffer.
                arrived = arrives.min(removal);
                now.wait(wait);
                removal += i128::from(wait) * i128::from(rate);
            }
        }
    }
}
