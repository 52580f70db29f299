//! Everything that can change a byte of the output, written down before the first chunk is
//! encoded.

use std::collections::BTreeMap;

use errors::Error;
use video::{Range, Rational, SampleAspectRatio, VideoFormat};

use crate::recipe::{ChunkPlan, Codec, PlanError, Problems, Recipe, avc, plan};
use crate::wire;

/// A recipe with all that follows from it for one source. The same resolved recipe gives the
/// same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedRecipe {
    pub recipe: Recipe,
    pub plan: ChunkPlan,
    /// Arguments of the encoder, the same for every chunk.
    pub encoder_args: Vec<String>,
    /// Between decoder and encoder; empty = none.
    pub filter_graph: String,
    /// Digest of each function's package, by name.
    pub function_digests: BTreeMap<String, String>,
    /// Of the encoded video; its pixel format is also what the decoder hands over.
    pub format: VideoFormat,
    /// Processor feature level that the bytes depend on; empty = none.
    pub cpu_level: String,
    /// Identity of the source.
    pub source_digest: String,
}

/// What a recipe is resolved for.
#[derive(Clone, Copy, Debug)]
pub struct SourceFacts<'a> {
    pub format: &'a VideoFormat,
    pub frames: u64,
    /// Indices of frames at which decoding can start, ascending.
    pub random_access: &'a [u64],
    pub digest: &'a str,
}

impl ResolvedRecipe {
    /// Decides everything. The error is the user's or the source's.
    pub fn new(
        recipe: Recipe,
        source: &SourceFacts<'_>,
        function_digests: BTreeMap<String, String>,
    ) -> Result<Self, Error> {
        let Codec::Avc(settings) = recipe.codec;
        let format = encoded_format(&recipe, source.format)?;
        avc::check(settings, &format)?;
        Ok(Self {
            plan: chunks(&recipe, source)?,
            encoder_args: avc::encoder_args(settings, recipe.rate_control, &format),
            filter_graph: filter_graph(source.format, &format),
            function_digests,
            format,
            cpu_level: String::new(),
            source_digest: source.digest.to_owned(),
            recipe,
        })
    }

    /// Proto-JSON with sorted keys: equal recipes are equal bytes.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let mut json = serde_json::to_value(wire::ResolvedRecipe::from(self.clone()))?;
        json.sort_all_objects();
        serde_json::to_vec(&json)
    }

    /// From [`Self::to_json`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice::<wire::ResolvedRecipe>(bytes)
            .map_err(|e| malformed(&e.to_string()))?
            .try_into()
    }
}

fn chunks(recipe: &Recipe, source: &SourceFacts<'_>) -> Result<ChunkPlan, Error> {
    let rate = source.format.frame_rate;
    plan(source.frames, rate, recipe.chunking, source.random_access).map_err(|e| match e {
        PlanError::NoFrames => Error::source("NO_FRAMES", e.to_string()),
        PlanError::TooMany { .. } => Error::user("TOO_MANY_CHUNKS", e.to_string())
            .at("recipe.chunking_directives")
            .hint("ask for longer chunks"),
    })
}

fn encoded_format(recipe: &Recipe, source: &VideoFormat) -> Result<VideoFormat, Error> {
    let mut format = source.clone();
    format.pixel_format = avc::layout(&source.pixel_format)?;
    // Limited is what a bitstream means when it says nothing.
    let full = source.colour.range == Range::Full || source.pixel_format.implies_full_range();
    format.colour.range = if full {
        Range::Full
    } else {
        Range::Unspecified
    };
    if let Some(resolution) = recipe.resolution {
        format.resolution = resolution;
        format.sample_aspect_ratio = same_shape(source, &format).ok_or_else(|| {
            Error::user(
                "UNSUPPORTED_SIZE",
                "the shape of a pixel would be beyond all bounds",
            )
            .at("recipe.resolution")
            .hint("ask for a size of about the source's shape")
        })?;
    }
    Ok(format)
}

/// The shape of a pixel that keeps the shape of the picture on the screen.
fn same_shape(source: &VideoFormat, encoded: &VideoFormat) -> Option<SampleAspectRatio> {
    const BITSTREAM: i64 = 65_535;
    let size = encoded.resolution;
    let stored = Rational::new(size.width().into(), size.height().into())?;
    let shape = source
        .sample_aspect_ratio
        .display_aspect_ratio(source.resolution)?;
    let pixel = shape.checked_div(stored)?;
    let fits = pixel.numerator() <= BITSTREAM && pixel.denominator() <= BITSTREAM;
    SampleAspectRatio::new(pixel).filter(|_| fits)
}

fn filter_graph(source: &VideoFormat, encoded: &VideoFormat) -> String {
    let size = encoded.resolution;
    if size == source.resolution {
        return String::new();
    }
    let interlaced = u8::from(source.scan_type.is_interlaced());
    format!(
        "scale=w={}:h={}:interl={interlaced}:flags=bicubic+accurate_rnd+full_chroma_int+bitexact",
        size.width(),
        size.height()
    )
}

fn malformed(why: &str) -> Error {
    Error::platform(
        "MALFORMED_RECIPE",
        format!("the resolved recipe is malformed: {why}"),
    )
}

impl From<ResolvedRecipe> for wire::ResolvedRecipe {
    fn from(resolved: ResolvedRecipe) -> Self {
        Self {
            recipe: Some(wire::Recipe::from(resolved.recipe)).into(),
            boundaries: resolved.plan.boundaries().to_vec(),
            encoder_args: resolved.encoder_args,
            filter_graph: resolved.filter_graph,
            pixel_format: resolved.format.pixel_format.to_string(),
            function_digests: resolved.function_digests.into_iter().collect(),
            format: Some(proto::video::v1::VideoFormat::from(resolved.format)).into(),
            cpu_level: resolved.cpu_level,
            source_digest: resolved.source_digest,
            ..Default::default()
        }
    }
}

impl TryFrom<wire::ResolvedRecipe> for ResolvedRecipe {
    type Error = Error;

    fn try_from(resolved: wire::ResolvedRecipe) -> Result<Self, Error> {
        let recipe = resolved.recipe.into_option().unwrap_or_default();
        let format = resolved.format.into_option().unwrap_or_default();
        Ok(Self {
            recipe: Recipe::try_from(recipe).map_err(Problems::into_error)?,
            plan: ChunkPlan::new(resolved.boundaries)
                .ok_or_else(|| malformed("its boundaries do not ascend from 0"))?,
            encoder_args: resolved.encoder_args,
            filter_graph: resolved.filter_graph,
            function_digests: resolved.function_digests.into_iter().collect(),
            format: VideoFormat::try_from(&format).map_err(|e| malformed(&e.to_string()))?,
            cpu_level: resolved.cpu_level,
            source_digest: resolved.source_digest,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use video::{
        ColourDescription, FrameRate, Matrix, PixelFormat, Primaries, Resolution, Rotation,
        ScanType, TimeBase, Transfer,
    };

    use super::*;
    use crate::recipe::{Avc, Chunking, Profile, RateControl, Target};

    fn source(width: u32, height: u32, layout: &str) -> VideoFormat {
        VideoFormat {
            resolution: Resolution::new(width, height).unwrap(),
            sample_aspect_ratio: SampleAspectRatio::new(Rational::new(64, 45).unwrap()).unwrap(),
            pixel_format: PixelFormat::new(layout).unwrap(),
            colour: ColourDescription {
                primaries: Primaries::from_code(9),
                transfer: Transfer::from_code(16),
                matrix: Matrix::from_code(9),
                range: Range::Limited,
            },
            scan_type: ScanType::Progressive,
            frame_rate: FrameRate::new(Rational::whole(25)).unwrap(),
            time_base: TimeBase::per_second(12_800).unwrap(),
            rotation: Rotation::None,
        }
    }

    fn resolve(recipe: Recipe, format: &VideoFormat) -> Result<ResolvedRecipe, Error> {
        let facts = SourceFacts {
            format,
            frames: 100,
            random_access: &[0, 48],
            digest: "sha256/00",
        };
        let digests = ["b", "a"].map(|name| (name.to_owned(), "sha256/11".to_owned()));
        ResolvedRecipe::new(recipe, &facts, digests.into())
    }

    fn recipe() -> Recipe {
        Recipe {
            chunking: Chunking {
                target: Target::Frames(50),
                ..Chunking::default()
            },
            ..Recipe::default()
        }
    }

    fn with_profile(profile: Profile) -> Recipe {
        let avc = Avc {
            profile: Some(profile),
            ..Avc::default()
        };
        Recipe {
            codec: Codec::Avc(avc),
            ..recipe()
        }
    }

    #[test]
    fn everything_that_can_change_a_byte_is_written_down() {
        let resolved = resolve(recipe(), &source(720, 576, "yuv420p10le")).unwrap();
        assert_eq!(resolved.plan.boundaries(), [0, 48, 100]);
        assert_eq!(
            resolved.encoder_args.join(" "),
            "-c:v libx264 -threads 1 -preset medium -crf 23 -pix_fmt yuv420p10le -x264-params \
             threads=1:lookahead-threads=1:sliced-threads=0:cpu-independent=1:stitchable=1:\
             open-gop=0:keyint=250:sar=64/45:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
        );
        assert_eq!(resolved.filter_graph, "");
    }

    #[test]
    fn a_resolved_recipe_reads_back_and_is_always_the_same_bytes() {
        let resolved = resolve(recipe(), &source(720, 576, "yuvj420p")).unwrap();
        let json = resolved.to_json().unwrap();
        assert_eq!(ResolvedRecipe::from_json(&json), Ok(resolved.clone()));
        assert_eq!(resolved.to_json().unwrap(), json);
        assert!(
            resolved
                .encoder_args
                .iter()
                .any(|arg| arg.ends_with(":fullrange=on"))
        );
    }

    #[test]
    fn scaling_keeps_the_shape_of_the_picture_and_is_bit_exact() {
        let half = Recipe {
            resolution: Resolution::new(360, 288),
            ..recipe()
        };
        let resolved = resolve(half, &source(720, 576, "yuv420p")).unwrap();
        assert_eq!(resolved.format.sample_aspect_ratio.to_string(), "64:45");
        assert!(
            resolved
                .filter_graph
                .ends_with("accurate_rnd+full_chroma_int+bitexact")
        );
        let square = Recipe {
            resolution: Resolution::new(1024, 576),
            ..recipe()
        };
        let resolved = resolve(square, &source(720, 576, "yuv420p")).unwrap();
        assert_eq!(
            resolved.format.sample_aspect_ratio,
            SampleAspectRatio::SQUARE
        );
    }

    #[test]
    fn what_avc_cannot_hold_is_refused_with_what_would_do() {
        let refused = |recipe, format: &VideoFormat| {
            let error = resolve(recipe, format).unwrap_err();
            (error.code, error.hint.unwrap())
        };
        let (code, hint) = refused(recipe(), &source(353, 287, "yuv420p"));
        assert_eq!(
            (code.as_str(), hint.as_str()),
            ("UNSUPPORTED_SIZE", "ask for 352x286")
        );
        assert!(resolve(recipe(), &source(353, 287, "yuv444p")).is_ok());
        let (code, _) = refused(recipe(), &source(352, 288, "yuv422p12le"));
        assert_eq!(code, "UNSUPPORTED_PIXEL_FORMAT");
        let (code, hint) = refused(with_profile(Profile::High), &source(352, 288, "yuv422p"));
        assert_eq!(code, "IMPOSSIBLE_COMBINATION");
        assert_eq!(hint, "use high422, or leave the profile out");
        let lossless = Recipe {
            rate_control: RateControl::Lossless,
            ..recipe()
        };
        let resolved = resolve(lossless, &source(352, 288, "yuv420p")).unwrap();
        assert!(
            resolved
                .encoder_args
                .windows(2)
                .any(|pair| pair == ["-qp", "0"])
        );
    }
}
