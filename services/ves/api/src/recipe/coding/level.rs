//! What a decoder must be able to carry.

use errors::Error;
use video::{FrameRate, Resolution, VideoFormat};

use crate::recipe::Codec;

/// A level, by the pictures that it holds.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Level {
    /// "4.1"
    pub name: &'static str,
    /// As the coded video writes it, and ffprobe reads it.
    pub code: u32,
    /// Samples of brightness in a picture, at most.
    pub(super) picture: u64,
    /// Width and height, at most.
    pub(super) sides: (u32, u32),
    /// Samples of brightness in a second, at most.
    pub(super) rate: u64,
}

impl Level {
    pub(super) const fn new(
        name: &'static str,
        code: u32,
        picture: u64,
        sides: (u32, u32),
        rate: u64,
    ) -> Self {
        Self {
            name,
            code,
            picture,
            sides,
            rate,
        }
    }

    pub(super) fn holds(&self, size: Resolution, rate: FrameRate) -> bool {
        let rate = rate.as_rational();
        let each_second = i128::from(size.pixels()) * i128::from(rate.numerator());
        size.pixels() <= self.picture
            && size.width() <= self.sides.0
            && size.height() <= self.sides.1
            && each_second <= i128::from(self.rate) * i128::from(rate.denominator())
    }
}

/// Refuses pictures that the level cannot hold that was asked for. They are coded in blocks of
/// `block` samples, of which no part counts less.
pub(super) fn check(codec: &Codec, format: &VideoFormat, block: u32) -> Result<(), Error> {
    let up = |length: u32| length.div_ceil(block) * block;
    let size = format.resolution;
    let size = Resolution::new(up(size.width()), up(size.height())).unwrap_or(size);
    let Some(level) = codec
        .level
        .filter(|level| !level.holds(size, format.frame_rate))
    else {
        return Ok(());
    };
    let message = format!(
        "level {} of {} does not hold pictures of {} at {} per second",
        level.name, codec.coding.title, format.resolution, format.frame_rate
    );
    let error = Error::user("LEVEL_EXCEEDED", message).at("recipe.codec.level");
    let least = codec.coding.least_level(size, format.frame_rate);
    Err(match least {
        Some(least) => error.hint(format!("use {} or above, or leave it out", least.name)),
        None => error.hint("leave the level out, or ask for a smaller picture"),
    })
}
