use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How long tasks took, to an eighth: it takes room for the range of the times, not for
/// their number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Durations {
    counts: BTreeMap<u32, u64>,
}

/// Parts of each power of two, as a power of two.
const PRECISION: u32 = 3;

impl Durations {
    pub(crate) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    pub(crate) fn add(&mut self, ms: u64) {
        *self.counts.entry(bucket(ms)).or_default() += 1;
    }

    /// The time within which `percent` of them ended, at least; in milliseconds.
    pub(crate) fn quantile(&self, percent: u8) -> Option<u64> {
        let total: u64 = self.counts.values().sum();
        let rank = (total * u64::from(percent)).div_ceil(100).max(1);
        let mut seen = 0;
        let found = self.counts.iter().find(|(_, count)| {
            seen += *count;
            seen >= rank
        });
        found.map(|(bucket, _)| upper(*bucket))
    }
}

/// Small ones have one of their own; of larger ones the highest bits count.
fn bucket(ms: u64) -> u32 {
    let bits = u64::BITS - ms.leading_zeros();
    let shift = bits.saturating_sub(PRECISION + 1);
    let leading = u32::try_from(ms >> shift).unwrap_or(0);
    (shift << PRECISION) + leading
}

/// The longest time in a bucket.
fn upper(bucket: u32) -> u64 {
    let shift = (bucket >> PRECISION).saturating_sub(1);
    let leading = u64::from(bucket - (shift << PRECISION));
    ((leading + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_time_is_known_to_an_eighth(ms in 0_u64..1 << 50) {
            let told = upper(bucket(ms));
            prop_assert!(ms <= told && told <= ms + ms / 8);
        }

        #[test]
        fn a_quantile_is_that_of_the_sorted_times(
            mut times in proptest::collection::vec(0_u64..100_000, 1..200),
            percent in 1_u8..=100,
        ) {
            let mut durations = Durations::default();
            times.iter().for_each(|ms| durations.add(*ms));
            times.sort_unstable();
            let rank = (times.len() * usize::from(percent)).div_ceil(100).max(1);
            let told = durations.quantile(percent).unwrap();
            prop_assert_eq!(told, upper(bucket(times[rank - 1])));
        }
    }

    #[test]
    fn of_none_nothing_is_known() {
        assert_eq!(Durations::default().quantile(50), None);
    }
}
