use serde::{Deserialize, Serialize};

use super::{Goal, Score};
use crate::recipe::Coding;

/// The most encodes of one chunk in one search.
pub const MAX_TRIES: usize = 7;
/// The finest that is told apart, in thousandths of a rate factor.
const FINEST: u32 = 250;
/// The least and the most that an end of the search moves at once.
const STRIDE: (i64, i64) = (2_000, 8_000);

/// Rate factors that are tried, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateFactorRange {
    /// The best.
    pub least: u32,
    /// The worst.
    pub most: u32,
    pub step: u32,
    /// The first that is tried.
    pub start: u32,
}

/// A chunk at a rate factor, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Try {
    pub crf: u32,
    pub score: Score,
}

impl RateFactorRange {
    /// Of this coding, from its usual one.
    pub fn of(coding: &Coding) -> Self {
        let factors = coding.rate_factors;
        let step = factors.step.max(FINEST);
        Self {
            least: factors.least.next_multiple_of(step),
            most: factors.most,
            step,
            start: factors.usual,
        }
    }

    /// The nearest rate factor that there is.
    pub(super) fn snap(&self, crf: i64) -> u32 {
        let step = i64::from(self.step);
        let nearest = (crf + step / 2).div_euclid(step) * step;
        nearest.clamp(self.least.into(), self.most.into()) as u32
    }
}

/// The next rate factor to try, by those that were, of which so many in this search; `None` when no other is
/// likely to come nearer.
///
/// What is better and what is worse than the goal are brought together by straight lines; as long as there
/// is but one of the two, the search moves on in its direction.
pub fn next(range: &RateFactorRange, goal: Goal, tried: &[Try], count: usize) -> Option<u32> {
    if tried.is_empty() {
        return Some(range.snap(range.start.into()));
    }
    if count == MAX_TRIES || tried.iter().any(|one| goal.is_near(one.score)) {
        return None;
    }
    let sorted = sorted(tried);
    let crosses = |pair: &&[Try]| pair[0].score > goal.score && pair[1].score < goal.score;
    let crf = match sorted.windows(2).find(crosses) {
        Some(pair) => between(range, goal, pair, count)?,
        None => beyond(range, goal, &sorted, count),
    };
    sorted.iter().all(|one| one.crf != crf).then_some(crf)
}

/// By rate factor.
pub(super) fn sorted(tried: &[Try]) -> Vec<Try> {
    let mut sorted = tried.to_vec();
    sorted.sort_by_key(|one| one.crf);
    sorted
}

/// On the line between the two, and every second time in the middle, as curves may be bent.
fn between(range: &RateFactorRange, goal: Goal, pair: &[Try], count: usize) -> Option<u32> {
    let (better, worse) = (pair[0], pair[1]);
    let (low, high) = (better.crf + range.step, worse.crf.checked_sub(range.step)?);
    if low > high {
        return None;
    }
    let crf = match count > 2 && !count.is_multiple_of(2) {
        true => i64::from(better.crf + (worse.crf - better.crf) / 2),
        false => on_line(better, worse, goal.score),
    };
    Some(range.snap(crf).clamp(low, high))
}

/// Where the line through the two has that score.
pub(super) fn on_line(a: Try, b: Try, score: Score) -> i64 {
    let (from, length) = (i64::from(a.crf), i64::from(b.crf) - i64::from(a.crf));
    let fall = a.score.0 - b.score.0;
    match fall {
        0 => from,
        _ => {
            from + (i128::from(a.score.0 - score.0) * i128::from(length) / i128::from(fall)) as i64
        }
    }
}

/// Beyond the end that is nearer to the goal, a little farther than the slope says.
fn beyond(range: &RateFactorRange, goal: Goal, sorted: &[Try], count: usize) -> u32 {
    let all_better = sorted.iter().all(|one| one.score > goal.score);
    let (end, direction) = match all_better {
        true => (sorted[sorted.len() - 1], 1),
        false => (sorted[0], -1),
    };
    let missing = goal.score.distance(end.score).0 * 1_000 / goal.metric.slope().0;
    let stride = (missing * 5 / 4).clamp(STRIDE.0, STRIDE.1);
    // The second time, the slope has been wrong.
    let stride = stride * count.max(1) as i64;
    range.snap(i64::from(end.crf) + direction * stride)
}

/// The one that came nearest; of two the better.
pub fn best(goal: Goal, tried: &[Try]) -> Option<Try> {
    let off = |one: &&Try| (goal.score.distance(one.score), std::cmp::Reverse(one.score));
    tried.iter().min_by_key(off).copied()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::quality::Metric;
    use crate::recipe::codings;

    fn search(range: &RateFactorRange, goal: Goal, curve: impl Fn(f64) -> f64) -> Vec<Try> {
        let mut tried = Vec::new();
        while let Some(crf) = next(range, goal, &tried, tried.len()) {
            let score = Score::new(curve(f64::from(crf) / 1_000.0));
            assert!(tried.iter().all(|one: &Try| one.crf != crf), "{crf} again");
            tried.push(Try { crf, score });
        }
        tried
    }

    fn vmaf(score: f64) -> Goal {
        Goal::new(Metric::Vmaf, score).unwrap()
    }

    #[test]
    fn what_is_near_at_once_is_tried_once() {
        let range = RateFactorRange::of(codings()[0]);
        let tried = search(&range, vmaf(93.0), |_| 93.2);
        assert_eq!(
            tried.iter().map(|one| one.crf).collect::<Vec<_>>(),
            [23_000]
        );
    }

    #[test]
    fn what_cannot_be_reached_ends_at_an_end() {
        for coding in codings() {
            let range = RateFactorRange::of(coding);
            let flat = search(&range, vmaf(93.0), |_| 99.0);
            assert_eq!(flat.last().unwrap().crf, range.most, "{coding:?}");
            let noise = search(&range, vmaf(93.0), |_| 40.0);
            assert_eq!(noise.last().unwrap().crf, range.least, "{coding:?}");
        }
    }

    #[test]
    fn the_nearest_counts_and_of_two_the_better() {
        let tries = [92.0, 94.0, 96.0].map(|score| Try {
            crf: 1,
            score: Score::new(score),
        });
        assert_eq!(best(vmaf(93.0), &tries), Some(tries[1]));
        assert_eq!(best(vmaf(93.0), &[]), None);
    }

    proptest! {
        /// On a curve that falls ever faster, as those of encoders do, the search ends as near as the
        /// steps allow.
        #[test]
        fn a_falling_curve_is_met(
            coding in 0..codings().len(), score in 60.0..97.0, knee in 15.0..45.0, fall in 0.02..0.12,
        ) {
            let range = RateFactorRange::of(codings()[coding]);
            let curve = |crf: f64| 99.0 - fall * f64::max(crf - knee / 2.0, 0.0).powf(1.7);
            let goal = vmaf(score);
            let tried = search(&range, goal, curve);
            let end = curve(f64::from(range.most) / 1_000.0);
            let nearest = best(goal, &tried).unwrap();
            let step = f64::from(range.step) / 1_000.0;
            let crf = f64::from(nearest.crf) / 1_000.0;
            let steepest = curve(crf - step) - curve(crf + step);
            let off = (nearest.score.value() - score).abs();
            prop_assert!(off <= 0.25 + steepest || end > score, "{} off after {}", off, tried.len());
        }

        /// Whatever is measured, the search ends within its bounds.
        #[test]
        fn the_search_ends(coding in 0..codings().len(), scores in prop::collection::vec(0.0..100.0, 64)) {
            let range = RateFactorRange::of(codings()[coding]);
            let tried = search(&range, vmaf(93.0), |crf| scores[crf as usize]);
            prop_assert!((1..=MAX_TRIES).contains(&tried.len()));
            prop_assert!(tried.iter().all(|one| (range.least..=range.most).contains(&one.crf)));
        }
    }
}
