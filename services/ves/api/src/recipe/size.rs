//! How large the encoded picture is, and how it is resized.

use errors::Error;
use video::{Rational, Resolution, SampleAspectRatio, VideoFormat};

/// The most pixels along either side of a picture.
pub const MAX_SIDE: u32 = 16_384;

/// The size that was asked for: one side at least, each even and from 2 to [`MAX_SIDE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
    /// How it is resized.
    pub kernel: Kernel,
    /// A source that is no larger keeps its size.
    pub shrink_only: bool,
}

/// How samples of a resized picture come from those of the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kernel {
    #[default]
    Bicubic,
    Lanczos,
    Bilinear,
    Spline,
    Area,
    Nearest,
}

impl Kernel {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::Bicubic,
        Self::Lanczos,
        Self::Bilinear,
        Self::Spline,
        Self::Area,
        Self::Nearest,
    ];

    /// What ffmpeg calls it.
    pub(super) fn ffmpeg_name(self) -> &'static str {
        match self {
            Self::Bicubic => "bicubic",
            Self::Lanczos => "lanczos",
            Self::Bilinear => "bilinear",
            Self::Spline => "spline",
            Self::Area => "area",
            Self::Nearest => "neighbor",
        }
    }
}

impl Size {
    /// None unless a side is given, and each that is given is even and within bounds.
    pub fn new(width: Option<u32>, height: Option<u32>) -> Option<Self> {
        let possible = |side: Option<u32>| side.is_none_or(Self::is_side);
        let given = width.is_some() || height.is_some();
        (given && possible(width) && possible(height)).then_some(Self {
            width,
            height,
            kernel: Kernel::default(),
            shrink_only: false,
        })
    }

    pub(super) fn is_side(length: u32) -> bool {
        (2..=MAX_SIDE).contains(&length) && length.is_multiple_of(2)
    }

    /// The size of the encoded picture for a source of size `source`. A side that was not asked
    /// for is the even number that keeps the shape best.
    fn of(&self, source: Resolution) -> Option<Resolution> {
        let within = |side: Option<u32>, of: u32| side.is_none_or(|side| of <= side);
        let small = within(self.width, source.width()) && within(self.height, source.height());
        if self.shrink_only && small {
            return Some(source);
        }
        let follow = |side: u32, of: u32, other: u32| {
            let halves = Rational::new(i64::from(side) * i64::from(other), i64::from(of) * 2)?;
            let side = u32::try_from(halves.round_mul(1)?.max(1))
                .ok()?
                .checked_mul(2)?;
            Some(side).filter(|side| *side <= MAX_SIDE)
        };
        let (width, height) = match (self.width, self.height) {
            (Some(width), Some(height)) => (width, height),
            (Some(width), None) => (width, follow(width, source.width(), source.height())?),
            (None, Some(height)) => (follow(height, source.height(), source.width())?, height),
            (None, None) => return Some(source),
        };
        Resolution::new(width, height)
    }
}

/// Gives `format` the size that was asked for, and the pixels the shape that keeps that of the
/// picture on the screen.
pub(super) fn resize(format: &mut VideoFormat, size: &Size) -> Result<(), Error> {
    let source = format.clone();
    let resized = size.of(source.resolution).and_then(|resolution| {
        format.resolution = resolution;
        same_shape(&source, resolution)
    });
    format.sample_aspect_ratio = resized.ok_or_else(|| {
        Error::user(
            "UNSUPPORTED_SIZE",
            "the shape of a picture or pixel would be beyond all bounds",
        )
        .at("recipe.resolution")
        .hint("ask for a size of about the source's shape")
    })?;
    Ok(())
}

/// The shape of a pixel that keeps the shape of the picture on the screen.
fn same_shape(source: &VideoFormat, size: Resolution) -> Option<SampleAspectRatio> {
    const BITSTREAM: i64 = 65_535;
    if size == source.resolution {
        return Some(source.sample_aspect_ratio);
    }
    let stored = Rational::new(size.width().into(), size.height().into())?;
    let shape = source
        .sample_aspect_ratio
        .display_aspect_ratio(source.resolution)?;
    let pixel = shape.checked_div(stored)?;
    let fits = pixel.numerator() <= BITSTREAM && pixel.denominator() <= BITSTREAM;
    SampleAspectRatio::new(pixel).filter(|_| fits)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn of(size: Size, source: (u32, u32)) -> Option<(u32, u32)> {
        let size = size.of(Resolution::new(source.0, source.1).unwrap())?;
        Some((size.width(), size.height()))
    }

    fn asked(width: u32, height: u32) -> Size {
        let side = |length: u32| (length > 0).then_some(length);
        Size::new(side(width), side(height)).unwrap()
    }

    #[test]
    fn a_side_that_was_not_asked_for_follows() {
        assert_eq!(of(asked(0, 720), (1920, 1080)), Some((1280, 720)));
        assert_eq!(of(asked(0, 480), (1920, 1080)), Some((854, 480)));
        assert_eq!(of(asked(640, 0), (720, 576)), Some((640, 512)));
        assert_eq!(of(asked(100, 100), (1920, 1080)), Some((100, 100)));
        assert_eq!(of(asked(0, 2), (1920, 1080)), Some((4, 2)));
        assert_eq!(of(asked(0, 16_384), (4, 2)), None);
    }

    #[test]
    fn a_small_source_keeps_its_size_where_only_shrinking_is_wanted() {
        let shrink = Size {
            shrink_only: true,
            ..asked(0, 1080)
        };
        assert_eq!(of(shrink, (1279, 719)), Some((1279, 719)));
        assert_eq!(of(shrink, (1920, 1080)), Some((1920, 1080)));
        assert_eq!(of(shrink, (3840, 2160)), Some((1920, 1080)));
        assert_eq!(of(asked(0, 1080), (1280, 720)), Some((1920, 1080)));
    }

    #[test]
    fn sides_are_even_and_one_is_given() {
        assert_eq!(Size::new(None, None), None);
        assert_eq!(Size::new(Some(641), None), None);
        assert_eq!(Size::new(Some(0), Some(2)), None);
        assert_eq!(Size::new(None, Some(MAX_SIDE + 2)), None);
    }

    proptest! {
        #[test]
        fn sizes_are_even_and_of_about_the_shape(
            width in 16u32..8_000, height in 16u32..8_000, side in 8u32..2_000, by_width: bool,
        ) {
            let size = if by_width { asked(side * 2, 0) } else { asked(0, side * 2) };
            if let Some((w, h)) = of(size, (width, height)) {
                prop_assert!(Size::is_side(w) && Size::is_side(h));
                // One side is exact; the other is at most a pixel off, or as small as can be.
                let off = f64::from(w) * f64::from(height) - f64::from(h) * f64::from(width);
                prop_assert!(off.abs() <= f64::from(width.max(height)) * 1.001 || w == 2 || h == 2);
            }
        }
    }
}
