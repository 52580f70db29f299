//! When to ask again: a pure plan.

use std::time::Duration;

use crate::limits::{FAULTS, FIRST_PAUSE, LONGEST_PAUSE};

/// How often the same bytes were asked for in vain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retry {
    faults: u32,
}

impl Retry {
    /// The pause before the next request, or `None` when there have been too many faults in a row.
    /// A fault after which some bytes had come begins a new row. Pauses double up to a bound; half
    /// of each is left to `random`, so that many readers do not come back at once.
    pub fn after(&mut self, progressed: bool, random: u64) -> Option<Duration> {
        self.faults = if progressed { 1 } else { self.faults + 1 };
        if self.faults > FAULTS {
            return None;
        }
        let doubled = FIRST_PAUSE.saturating_mul(1 << (self.faults - 1).min(16));
        let half = doubled.min(LONGEST_PAUSE) / 2;
        let share = u64::try_from(half.as_micros()).unwrap_or(u64::MAX).max(1);
        Some(half + Duration::from_micros(random % share))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_gives_up_after_so_many_in_a_row_and_never_else(
            faults in proptest::collection::vec((any::<bool>(), any::<u64>()), 1..200),
        ) {
            let (mut retry, mut row) = (Retry::default(), 0);
            for (progressed, random) in faults {
                row = if progressed { 1 } else { row + 1 };
                let pause = retry.after(progressed, random);
                prop_assert_eq!(pause.is_some(), row <= FAULTS);
                prop_assert!(pause.unwrap_or_default() <= LONGEST_PAUSE);
            }
        }

        #[test]
        fn half_of_a_pause_is_random(random in any::<u64>(), row in 1u32..=FAULTS) {
            let mut retry = Retry { faults: row - 1 };
            let pause = retry.after(false, random).unwrap();
            let most = FIRST_PAUSE.saturating_mul(1 << (row - 1)).min(LONGEST_PAUSE);
            prop_assert!(pause >= most / 2 && pause <= most);
        }
    }
}
