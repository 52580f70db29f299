//! What a preset comes to, for a source that many have.

use std::collections::BTreeMap;

use serde::Serialize;
use ves_api::recipe::{Recipe, ResolvedRecipe, SourceFacts};
use ves_api::wire;
use video::{
    ColourDescription, Conversion, FrameRate, PixelFormat, Rational, Resolution, Rotation,
    SampleAspectRatio, ScanType, StaticHdr, TimeBase, VideoFormat,
};

/// The source, for people.
const SOURCE: &str = "a minute of 3840x2160, 25 frames a second, 8 bits 4:2:0";
const FRAMES: u64 = 60 * 25;

/// What a recipe comes to for one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Example {
    pub source: &'static str,
    /// Between decoder and encoder; empty: none.
    pub filter_graph: String,
    /// Of ffmpeg.
    pub encoder_args: Vec<String>,
}

/// None of a recipe that does not go with that source.
pub(super) fn of(recipe: &wire::Recipe) -> Option<Example> {
    let recipe = Recipe::try_from(recipe.clone()).ok()?;
    let facts = SourceFacts {
        format: &format()?,
        frames: FRAMES,
        random_access: &[0],
        conversion: Conversion::default(),
        digest: "",
    };
    let resolved = ResolvedRecipe::new(recipe, &facts, BTreeMap::new()).ok()?;
    Some(Example {
        source: SOURCE,
        filter_graph: resolved.whole_filter_graph(),
        encoder_args: resolved.encoder_args,
    })
}

fn format() -> Option<VideoFormat> {
    Some(VideoFormat {
        resolution: Resolution::new(3840, 2160)?,
        sample_aspect_ratio: SampleAspectRatio::SQUARE,
        pixel_format: PixelFormat::new("yuv420p")?,
        colour: ColourDescription::default(),
        scan_type: ScanType::Progressive,
        frame_rate: FrameRate::new(Rational::whole(25))?,
        time_base: TimeBase::per_second(25)?,
        rotation: Rotation::None,
        hdr: StaticHdr::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_comes_to_something_for_it() {
        for preset in ves_api::recipe::presets() {
            assert!(of(&preset.recipe).is_some(), "{}", preset.name);
        }
    }
}
