//! What the rest must know of an encoder beyond the names of its settings.

use errors::Error;
use video::{PixelFormat, VideoFormat};

use crate::recipe::layout::with_depth;
use crate::recipe::{ChunkPlan, Codec, RateControl, Recipe};

/// An encoder.
pub(in crate::recipe) trait Encoder: Sync {
    /// Refuses settings that contradict each other whatever the source.
    fn agree(&self, _: &Codec, _: RateControl) -> Result<(), Error> {
        Ok(())
    }

    /// The sample layout to encode, of a source that is decoded to `decoded`.
    fn layout(&self, codec: &Codec, decoded: &PixelFormat) -> Result<PixelFormat, Error> {
        with_depth(decoded, decoded.chroma(), codec.bit_depth)
    }

    /// Refuses what the encoder would refuse later, chunk by chunk.
    fn check(&self, recipe: &Recipe, format: &VideoFormat) -> Result<(), Error>;

    /// ffmpeg's encoder options, the same for every chunk.
    fn args(&self, recipe: &Recipe, format: &VideoFormat, plan: &ChunkPlan) -> Vec<String>;
}
