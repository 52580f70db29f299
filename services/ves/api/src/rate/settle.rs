use std::collections::BTreeMap;

/// Chunks that are encoded once more, by their numbers, each with its new budget in bits.
pub type Corrections = BTreeMap<u64, u64>;

/// The most chunks that are encoded once more.
pub const MAX_CORRECTIONS: usize = 512;

/// A whole that misses its target by less than one part in so many is left alone, …
const TOLERANCE: u64 = 200;
/// … and one that is set right is brought within one part in so many.
const AIM: u64 = 400;

/// Sets right what a whole of chunks of these budgets has too much or too little: those that miss
/// their budgets most, in the direction of the whole, get new ones, by which an encoder that misses
/// again by as much meets what it should. The others stay as they are.
///
/// A budget changes by half at most. Nothing is corrected where the whole misses by less than 0.5 %.
pub fn settle(budgets: &[u64], actual: &[u64], target: u64) -> Corrections {
    let whole: u64 = actual.iter().sum();
    let (mut missing, short) = (whole.abs_diff(target), whole < target);
    if missing <= target / TOLERANCE {
        return Corrections::new();
    }
    let mut corrections = Corrections::new();
    for (index, off) in worst_first(budgets, actual, short) {
        if missing <= target / AIM || corrections.len() == MAX_CORRECTIONS {
            break;
        }
        let share = off.min(missing);
        let corrected = corrected(budgets[index], actual[index], share, short);
        corrections.insert(index as u64, corrected);
        missing -= share;
    }
    corrections
}

/// Numbers of chunks that miss their budgets in this direction, and by how many bits.
fn worst_first(budgets: &[u64], actual: &[u64], short: bool) -> Vec<(usize, u64)> {
    let pairs = budgets.iter().zip(actual).enumerate();
    let mut missing: Vec<_> = pairs
        .filter(|(_, (budget, actual))| {
            if short {
                actual < budget
            } else {
                actual > budget
            }
        })
        .map(|(index, (budget, actual))| (index, budget.abs_diff(*actual)))
        .collect();
    missing.sort_by_key(|(index, off)| (std::cmp::Reverse(*off), *index));
    missing
}

/// The budget by which a chunk changes by `share` bits, if it answers as it did to `budget`.
fn corrected(budget: u64, actual: u64, share: u64, more: bool) -> u64 {
    let change = u128::from(budget) * u128::from(share) / u128::from(actual.max(1));
    let change = u64::try_from(change).unwrap_or(u64::MAX).min(budget / 2);
    match more {
        true => budget.saturating_add(change),
        false => budget - change,
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_near_enough_stays() {
        assert_eq!(settle(&[500, 500], &[502, 500], 1_000), Corrections::new());
        assert_eq!(settle(&[500, 500], &[490, 507], 1_000), Corrections::new());
    }

    #[test]
    fn the_worst_is_set_right_and_the_others_stay() {
        // The whole is 60 too large; chunk 1 by itself is 80 too large.
        let corrections = settle(&[400, 400, 200], &[390, 480, 190], 1_000);
        assert_eq!(corrections, Corrections::from([(1, 400 - 400 * 60 / 480)]));
        let corrections = settle(&[400, 400, 200], &[400, 200, 200], 1_000);
        assert_eq!(
            corrections,
            Corrections::from([(1, 600)]),
            "by half at most"
        );
    }

    proptest! {
        /// An encoder that answers in proportion ends within the aim, unless a chunk would have to
        /// change by more than half.
        #[test]
        fn a_proportional_encoder_meets_the_target(
            chunks in vec((10_000..9_000_000_u64, 700..1_300_u64), 1..80),
        ) {
            let budgets: Vec<u64> = chunks.iter().map(|(budget, _)| *budget).collect();
            let answer = |index: usize, budget: u64| budget * chunks[index].1 / 1_000;
            let actual: Vec<u64> = (0..chunks.len()).map(|i| answer(i, budgets[i])).collect();
            let target: u64 = budgets.iter().sum();
            let corrections = settle(&budgets, &actual, target);
            let after = (0..chunks.len()).map(|i| match corrections.get(&(i as u64)) {
                Some(budget) => answer(i, *budget),
                None => actual[i],
            });
            let missed = after.sum::<u64>().abs_diff(target);
            prop_assert!(missed <= target / TOLERANCE + chunks.len() as u64, "{} of {}", missed, target);
            let bounded = |(index, budget): (&u64, &u64)| {
                let old = budgets[*index as usize];
                (old / 2..=old / 2 * 3 + 1).contains(budget)
            };
            prop_assert!(corrections.iter().all(bounded));
        }
    }
}
