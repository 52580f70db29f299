use std::iter::Sum;

use serde::{Deserialize, Serialize};
use video::FrameRate;

use super::Scale;

/// What a first pass found in a chunk, in bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Of coefficients: they go with the quantiser to the power of -1.1.
    pub texture: u64,
    /// Of motion: with its root.
    pub motion: u64,
    /// Of headers: whatever the quantiser.
    pub fixed: u64,
}

/// The powers, in tenths, by which bits shrink: as x264 has them for its own second passes.
const TEXTURE: i32 = 11;
const MOTION: i32 = 5;

impl Cost {
    /// Bits of the chunk when its quantisers are scaled.
    pub fn bits(&self, scale: Scale) -> u64 {
        let texture = self.texture as f64 * scale.shrinks(TEXTURE);
        let motion = self.motion as f64 * scale.shrinks(MOTION);
        // Saturates: a float beyond 64 bits becomes the largest integer.
        ((texture + motion).round() as u64).saturating_add(self.fixed)
    }
}

impl Cost {
    /// So many bits, as bits in a second of a chunk of so many frames: whole thousands, as encoders
    /// take them, and more than its headers need.
    pub fn bitrate(&self, bits: u64, frames: u64, rate: FrameRate) -> u64 {
        let per_second = |bits: u64| {
            let rate = rate.as_rational();
            let numerator = u128::from(bits) * u128::from(rate.numerator().unsigned_abs());
            numerator / (u128::from(rate.denominator().unsigned_abs()) * u128::from(frames.max(1)))
        };
        let nearest = (per_second(bits) + 500) / 1_000;
        let least = per_second(self.fixed) / 1_000 + 1;
        u64::try_from(nearest.max(least) * 1_000).unwrap_or(u64::MAX)
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), |sum, cost| Self {
            texture: sum.texture.saturating_add(cost.texture),
            motion: sum.motion.saturating_add(cost.motion),
            fixed: sum.fixed.saturating_add(cost.fixed),
        })
    }
}

/// The finest scale by which chunks of these costs take no more than `target` bits together; the
/// coarsest where none does.
pub fn solve(costs: &[Cost], target: u64) -> Scale {
    let whole: Cost = costs.iter().copied().sum();
    let (Scale(mut low), Scale(mut high)) = Scale::ENDS;
    while low < high {
        let middle = low + (high - low) / 2;
        match whole.bits(Scale(middle)) <= target {
            true => high = middle,
            false => low = middle + 1,
        }
    }
    Scale(low)
}

/// Bits for each chunk.
pub fn budgets(costs: &[Cost], scale: Scale) -> Vec<u64> {
    costs.iter().map(|cost| cost.bits(scale)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn cost() -> impl Strategy<Value = Cost> {
        (0..50_000_000_u64, 0..5_000_000_u64, 100..500_000_u64).prop_map(
            |(texture, motion, fixed)| Cost {
                texture,
                motion,
                fixed,
            },
        )
    }

    fn whole(costs: &[Cost]) -> Cost {
        costs.iter().copied().sum()
    }

    proptest! {
        /// A step of the scale is less than one part in 500 of the bits; each budget is rounded.
        #[test]
        fn budgets_sum_to_the_target(costs in vec(cost(), 1..60), share in 2..400_u64) {
            let least = whole(&costs).fixed;
            let target = least + whole(&costs).texture / 100 * share;
            let sum: u64 = budgets(&costs, solve(&costs, target)).iter().sum();
            let slack = target / 500 + costs.len() as u64;
            let (finest, coarsest) = Scale::ENDS;
            let [most, least] = [finest, coarsest].map(|scale| whole(&costs).bits(scale));
            prop_assert!(least > target || sum <= target + costs.len() as u64);
            prop_assert!(most < target || sum + slack >= target, "{} of {}", sum, target);
        }

        #[test]
        fn a_more_complex_chunk_has_no_smaller_budget(
            costs in vec(cost(), 2..20), more in 0..9_000_000_u64, target in 0..900_000_000_u64,
        ) {
            let mut costs = costs;
            costs[1] = Cost { texture: costs[0].texture + more, ..costs[0] };
            let budgets = budgets(&costs, solve(&costs, target));
            prop_assert!(budgets[1] >= budgets[0]);
        }

        #[test]
        fn more_bits_are_no_coarser_and_none_are_below_the_headers(
            costs in vec(cost(), 1..20), target in 0..900_000_000_u64, more in 0..900_000_000_u64,
        ) {
            let scale = solve(&costs, target);
            prop_assert!(solve(&costs, target + more) <= scale);
            let budgets = budgets(&costs, scale);
            prop_assert!(costs.iter().zip(budgets).all(|(cost, bits)| bits >= cost.fixed));
        }

        /// What matters is what is in the chunks, not how they are cut or ordered.
        #[test]
        fn the_scale_is_that_of_the_whole(costs in vec(cost(), 1..20), target: u32) {
            let scale = solve(&costs, target.into());
            prop_assert_eq!(solve(&[whole(&costs)], target.into()), scale);
        }
    }

    #[test]
    fn a_budget_in_a_second_is_in_thousands_and_holds_the_headers() {
        let rate = FrameRate::new(video::Rational::new(30_000, 1_001).unwrap()).unwrap();
        let cost = |fixed| Cost {
            fixed,
            ..Cost::default()
        };
        assert_eq!(cost(0).bitrate(10_010_000, 300, rate), 1_000_000);
        assert_eq!(cost(0).bitrate(10_014_000, 300, rate), 1_000_000);
        assert_eq!(cost(0).bitrate(10_016_000, 300, rate), 1_001_000);
        assert_eq!(cost(40_080).bitrate(40_080, 300, rate), 5_000);
    }

    #[test]
    fn nothing_fits_into_nothing_but_the_coarsest() {
        let cost = Cost {
            texture: 1,
            motion: 1,
            fixed: 9,
        };
        assert_eq!(solve(&[cost], 0), Scale::ENDS.1);
        assert_eq!(solve(&[], 100), Scale::ENDS.0);
    }
}
