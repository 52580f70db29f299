//! Sizes and shapes of pictures.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Rational;

/// Width and height in pixels, each at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resolution {
    width: u32,
    height: u32,
}

/// A part of a picture, in pixels, at least 1 wide and high.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Region {
    /// From the left side of the picture.
    pub left: u32,
    /// From the top of the picture.
    pub top: u32,
    pub size: Resolution,
}

/// Shape of a pixel: its width over its height, above 0. Square where a source does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SampleAspectRatio(Rational);

/// Clockwise turn for display.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    #[default]
    None,
    Clockwise90,
    Half,
    Clockwise270,
}

impl Resolution {
    /// `None` when either is 0.
    #[must_use]
    pub fn new(width: u32, height: u32) -> Option<Self> {
        (width > 0 && height > 0).then_some(Resolution { width, height })
    }

    #[must_use]
    pub fn width(self) -> u32 {
        self.width
    }

    #[must_use]
    pub fn height(self) -> u32 {
        self.height
    }

    /// Width times height.
    #[must_use]
    pub fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

impl Region {
    /// Whether a picture of this size holds it.
    #[must_use]
    pub fn is_within(self, picture: Resolution) -> bool {
        let fits = |from: u32, length: u32, whole: u32| {
            from.checked_add(length).is_some_and(|end| end <= whole)
        };
        fits(self.left, self.size.width, picture.width)
            && fits(self.top, self.size.height, picture.height)
    }
}

impl SampleAspectRatio {
    pub const SQUARE: SampleAspectRatio = SampleAspectRatio(Rational::ONE);

    /// `None` unless above 0.
    #[must_use]
    pub fn new(ratio: Rational) -> Option<Self> {
        ratio.is_positive().then_some(SampleAspectRatio(ratio))
    }

    #[must_use]
    pub fn as_rational(self) -> Rational {
        self.0
    }

    /// Shape of the whole picture on a screen; `None` when it leaves 64 bits.
    #[must_use]
    pub fn display_aspect_ratio(self, resolution: Resolution) -> Option<Rational> {
        let stored = Rational::new(resolution.width.into(), resolution.height.into())?;
        stored.checked_mul(self.0)
    }
}

impl Rotation {
    /// From any whole number of degrees clockwise; `None` unless a multiple of 90.
    #[must_use]
    pub fn from_degrees(degrees: i64) -> Option<Self> {
        match degrees.rem_euclid(360) {
            0 => Some(Rotation::None),
            90 => Some(Rotation::Clockwise90),
            180 => Some(Rotation::Half),
            270 => Some(Rotation::Clockwise270),
            _ => None,
        }
    }

    /// 0, 90, 180 or 270.
    #[must_use]
    pub fn degrees(self) -> u32 {
        match self {
            Rotation::None => 0,
            Rotation::Clockwise90 => 90,
            Rotation::Half => 180,
            Rotation::Clockwise270 => 270,
        }
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl fmt::Display for SampleAspectRatio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0.numerator(), self.0.denominator())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn shapes_on_screen() {
        let cases = [
            (720, 576, (64, 45), (16, 9)),
            (720, 480, (32, 27), (16, 9)),
            (1280, 720, (1, 1), (16, 9)),
        ];
        for (width, height, sar, dar) in cases {
            let sar = SampleAspectRatio::new(Rational::new(sar.0, sar.1).unwrap()).unwrap();
            let shape = sar.display_aspect_ratio(Resolution::new(width, height).unwrap());
            assert_eq!(shape, Rational::new(dar.0, dar.1));
        }
    }

    #[test]
    fn turns_are_multiples_of_a_right_angle() {
        for (degrees, turn) in [
            (-90, Some(270)),
            (450, Some(90)),
            (-180, Some(180)),
            (0, Some(0)),
            (45, None),
        ] {
            assert_eq!(Rotation::from_degrees(degrees).map(Rotation::degrees), turn);
        }
    }

    #[test]
    fn a_region_lies_within_a_picture_or_not() {
        let picture = Resolution::new(320, 180).unwrap();
        let region = |left, top, width, height| Region {
            left,
            top,
            size: Resolution::new(width, height).unwrap(),
        };
        assert!(region(0, 0, 320, 180).is_within(picture));
        assert!(region(20, 80, 300, 100).is_within(picture));
        assert!(!region(21, 80, 300, 100).is_within(picture));
        assert!(!region(0, 1, 320, 180).is_within(picture));
        assert!(!region(u32::MAX, 0, 1, 1).is_within(picture));
    }
}
