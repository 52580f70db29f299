//! What the rest must know of a codec's encoder.

use errors::Error;
use video::{PixelFormat, VideoFormat};

use crate::recipe::{ChunkPlan, Codec, RateControl};

/// An encoder with its settings.
pub(super) trait Encoder {
    /// The sample layout to encode, of a source that is decoded to `decoded`.
    fn layout(&self, decoded: &PixelFormat) -> Result<PixelFormat, Error>;

    /// Refuses what the encoder would refuse later, chunk by chunk.
    fn check(&self, format: &VideoFormat) -> Result<(), Error>;

    /// ffmpeg's encoder options, the same for every chunk.
    fn args(&self, rate: RateControl, format: &VideoFormat, plan: &ChunkPlan) -> Vec<String>;
}

impl Codec {
    pub(super) fn encoder(&self) -> &dyn Encoder {
        match self {
            Self::Avc(avc) => avc,
            Self::Av1(av1) => av1,
        }
    }
}

pub(super) fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).into()
}

/// Refuses a picture whose sides are no multiples of these.
pub(super) fn check_sides(format: &VideoFormat, wide: u32, high: u32) -> Result<(), Error> {
    let size = format.resolution;
    if size.width().is_multiple_of(wide) && size.height().is_multiple_of(high) {
        return Ok(());
    }
    let message = format!(
        "a picture of {size} cannot be coded as {}: its width must be a multiple of {wide}, its height of {high}",
        format.pixel_format
    );
    let down = |length: u32, unit: u32| (length / unit * unit).max(unit);
    let (width, height) = (down(size.width(), wide), down(size.height(), high));
    Err(Error::user("UNSUPPORTED_SIZE", message)
        .at("recipe.resolution")
        .hint(format!("ask for {width}x{height}")))
}
