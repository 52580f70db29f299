use serde::{Deserialize, Serialize};

/// By how much quantisers are made coarser (or, below 0, finer), all alike: in 1024ths of a doubling.
///
/// All that follows from it takes nothing but additions, multiplications, divisions and square
/// roots, whose results are the same on every processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scale(pub(super) i32);

impl Scale {
    /// Steps of a doubling.
    const OCTAVE: i32 = 1024;
    /// The finest, and the coarsest: nine doublings, beyond what any quantiser has.
    pub(super) const ENDS: (Self, Self) = (Self(-9 * Self::OCTAVE), Self(9 * Self::OCTAVE));
    /// Of rate factors, as x264 and x265 count them, 6 double the quantiser.
    const FACTORS: i32 = 6_000;

    /// In thousandths of a rate factor of x264 or x265.
    pub fn rate_factor(self) -> i32 {
        self.0 * Self::FACTORS / Self::OCTAVE
    }

    /// The factor by which bits change that go with the quantiser to the power of `-tenths / 10`.
    pub(super) fn shrinks(self, tenths: i32) -> f64 {
        power_of_two(-self.0 * tenths / 10)
    }
}

/// Two to the power of `steps / 1024`.
fn power_of_two(steps: i32) -> f64 {
    let (whole, part) = (
        steps.div_euclid(Scale::OCTAVE),
        steps.rem_euclid(Scale::OCTAVE),
    );
    let (mut root, mut bit, mut power) = (2_f64.sqrt(), Scale::OCTAVE / 2, 1.0);
    while bit > 0 {
        if part & bit != 0 {
            power *= root;
        }
        (root, bit) = (root.sqrt(), bit / 2);
    }
    (0..whole.abs()).fold(power, |power, _| match whole > 0 {
        true => power * 2.0,
        false => power / 2.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_powers() {
        for (steps, expected) in [(0, 1.0), (1024, 2.0), (-2048, 0.25)] {
            assert_eq!(power_of_two(steps), expected);
        }
        for steps in -5000..5000 {
            let exact = (f64::from(steps) / 1024.0).exp2();
            assert!((power_of_two(steps) / exact - 1.0).abs() < 1e-12, "{steps}");
        }
    }

    #[test]
    fn a_doubled_quantiser_is_six_rate_factors() {
        assert_eq!(Scale(1024).rate_factor(), 6_000);
        assert_eq!(Scale(-512).rate_factor(), -3_000);
        assert_eq!(Scale(2048).shrinks(5), 0.5);
    }
}
