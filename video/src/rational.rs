//! Exact fractions.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A fraction in lowest terms with a positive denominator, so that equal values are equal bytes.
/// As text and in JSON: `30000/1001`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rational {
    numerator: i64,
    denominator: i64,
}

/// Not a fraction of 64-bit integers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a fraction such as 30000/1001 (denominator not 0, both parts within 64 bits)"
)]
pub struct InvalidRational(String);

impl Rational {
    pub const ZERO: Rational = Rational::whole(0);
    pub const ONE: Rational = Rational::whole(1);

    /// `value` over 1.
    #[must_use]
    pub const fn whole(value: i64) -> Self {
        Rational {
            numerator: value,
            denominator: 1,
        }
    }

    /// The fraction in lowest terms; `None` when the denominator is 0 or a part leaves 64 bits.
    #[must_use]
    pub fn new(numerator: i64, denominator: i64) -> Option<Self> {
        Rational::reduce(numerator.into(), denominator.into())
    }

    fn reduce(numerator: i128, denominator: i128) -> Option<Self> {
        if denominator == 0 {
            return None;
        }
        let divisor = gcd(numerator, denominator) * denominator.signum();
        Some(Rational {
            numerator: i64::try_from(numerator / divisor).ok()?,
            denominator: i64::try_from(denominator / divisor).ok()?,
        })
    }

    #[must_use]
    pub fn numerator(self) -> i64 {
        self.numerator
    }

    /// Always positive.
    #[must_use]
    pub fn denominator(self) -> i64 {
        self.denominator
    }

    /// Exact product; `None` when a reduced part leaves 64 bits.
    #[must_use]
    pub fn checked_mul(self, by: Rational) -> Option<Self> {
        Rational::reduce(
            i128::from(self.numerator) * i128::from(by.numerator),
            i128::from(self.denominator) * i128::from(by.denominator),
        )
    }

    /// Exact quotient; `None` when dividing by 0 or when a reduced part leaves 64 bits.
    #[must_use]
    pub fn checked_div(self, by: Rational) -> Option<Self> {
        self.checked_mul(by.inverse()?)
    }

    /// One over this; `None` for 0.
    #[must_use]
    pub fn inverse(self) -> Option<Self> {
        Rational::new(self.denominator, self.numerator)
    }

    #[must_use]
    pub fn is_positive(self) -> bool {
        self.numerator > 0
    }

    /// The largest integer not above `self × by`; `None` when it leaves 64 bits.
    #[must_use]
    pub fn floor_mul(self, by: i64) -> Option<i64> {
        let product = i128::from(self.numerator) * i128::from(by);
        i64::try_from(product.div_euclid(self.denominator.into())).ok()
    }

    /// The integer nearest to `self × by`, halves upwards; `None` when it leaves 64 bits.
    #[must_use]
    pub fn round_mul(self, by: i64) -> Option<i64> {
        let (product, denominator) = (
            i128::from(self.numerator) * i128::from(by),
            i128::from(self.denominator),
        );
        i64::try_from((2 * product + denominator).div_euclid(2 * denominator)).ok()
    }

    /// The nearest floating-point number: for display and estimates, never for decisions.
    #[must_use]
    pub fn approximate(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }
}

/// Positive, also when both are 0.
fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

impl Ord for Rational {
    fn cmp(&self, other: &Self) -> Ordering {
        let left = i128::from(self.numerator) * i128::from(other.denominator);
        left.cmp(&(i128::from(other.numerator) * i128::from(self.denominator)))
    }
}

impl PartialOrd for Rational {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Rational {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}

impl FromStr for Rational {
    type Err = InvalidRational;

    /// `30000/1001`, `32:27` or `25`.
    fn from_str(text: &str) -> Result<Self, InvalidRational> {
        let (numerator, denominator) = text.split_once(['/', ':']).unwrap_or((text, "1"));
        let parse = |part: &str| part.trim().parse().ok();
        parse(numerator)
            .zip(parse(denominator))
            .and_then(|(n, d)| Rational::new(n, d))
            .ok_or_else(|| InvalidRational(text.to_owned()))
    }
}

impl TryFrom<String> for Rational {
    type Error = InvalidRational;

    fn try_from(text: String) -> Result<Self, InvalidRational> {
        text.parse()
    }
}

impl From<Rational> for String {
    fn from(value: Rational) -> String {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn ratio(n: i64, d: i64) -> Rational {
        Rational::new(n, d).unwrap()
    }

    #[test]
    fn lowest_terms_and_a_positive_denominator() {
        let cases = [
            (50, 2, "25/1"),
            (60000, 2002, "30000/1001"),
            (1, -2, "-1/2"),
            (-4, -6, "2/3"),
            (0, -7, "0/1"),
            (i64::MIN, 2, "-4611686018427387904/1"),
        ];
        for (n, d, text) in cases {
            assert_eq!(ratio(n, d).to_string(), text);
        }
        assert_eq!(Rational::new(1, 0), None);
        assert_eq!(Rational::new(i64::MIN, -1), None);
    }

    #[test]
    fn text_that_is_no_fraction_is_refused() {
        for text in ["", "/", "1/0", "N/A", "1/2/3", "1.5", "9223372036854775808"] {
            assert!(text.parse::<Rational>().is_err(), "{text:?}");
        }
        assert_eq!("32:27".parse::<Rational>().unwrap(), ratio(32, 27));
        assert_eq!("25".parse::<Rational>().unwrap(), Rational::whole(25));
    }

    #[test]
    fn rounding_is_exact_far_from_zero() {
        let third = ratio(1, 3);
        let cases = [
            (-4, -2, -1),
            (-1, -1, 0),
            (0, 0, 0),
            (1, 0, 0),
            (2, 0, 1),
            (5, 1, 2),
        ];
        for (by, floor, round) in cases {
            assert_eq!(
                (third.floor_mul(by), third.round_mul(by)),
                (Some(floor), Some(round))
            );
        }
        assert_eq!(ratio(1, 2).round_mul(-1), Some(0));
        assert_eq!(ratio(3, 1).floor_mul(i64::MAX), None);
    }

    proptest! {
        #[test]
        fn text_round_trips(n: i64, d in 1..=i64::MAX) {
            let value = ratio(n, d);
            prop_assert_eq!(value.to_string().parse::<Rational>(), Ok(value));
        }

        #[test]
        fn a_product_divides_back(a: i32, b in 1..=i32::MAX, c in 1..=i32::MAX, d in 1..=i32::MAX) {
            let (x, y) = (ratio(a.into(), b.into()), ratio(c.into(), d.into()));
            prop_assert_eq!(x.checked_mul(y).and_then(|p| p.checked_div(y)), Some(x));
        }

        #[test]
        fn order_agrees_with_subtraction(a: i32, b in 1..=i32::MAX, c: i32, d in 1..=i32::MAX) {
            let (x, y) = (ratio(a.into(), b.into()), ratio(c.into(), d.into()));
            let difference = i128::from(a) * i128::from(d) - i128::from(c) * i128::from(b);
            prop_assert_eq!(x.cmp(&y), difference.cmp(&0));
        }

        #[test]
        fn floor_and_round_bracket_the_product(n: i32, d in 1..=i32::MAX, by: i32) {
            let value = ratio(n.into(), d.into());
            let product = i128::from(n) * i128::from(by);
            let (d, floor, round) = (
                i128::from(d),
                i128::from(value.floor_mul(by.into()).unwrap()),
                i128::from(value.round_mul(by.into()).unwrap()),
            );
            prop_assert!(floor * d <= product && product < (floor + 1) * d);
            prop_assert!(2 * (product - round * d).abs() <= d);
        }
    }
}
