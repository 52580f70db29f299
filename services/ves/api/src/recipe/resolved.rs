//! Everything that can change a byte of the output, written down before the first chunk is
//! encoded.

use std::collections::BTreeMap;

use errors::Error;
use video::{
    Conversion, Deinterlacing, FrameRate, PixelFormat, Range, Rational, Region, Resolution,
    Rotation, ScanType, VideoFormat,
};

use crate::rate::MAX_SHARED;
use crate::recipe::cadence::{ChunkFrames, chosen};
use crate::recipe::filters::filter_graph;
use crate::recipe::{ChunkPlan, Container, PlanError, Problems, Recipe, edges, layout, plan, size};
use crate::wire;

/// A recipe with all that follows from it for one source. The same resolved recipe gives the
/// same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedRecipe {
    pub recipe: Recipe,
    pub plan: ChunkPlan,
    /// Arguments of the encoder, the same for every chunk.
    pub encoder_args: Vec<String>,
    /// What becomes of the source's frames first.
    pub conversion: Conversion,
    /// Between that and the encoder; empty = none.
    pub filter_graph: String,
    /// Digest of each function's package, by name.
    pub function_digests: BTreeMap<String, String>,
    /// Of the encoded video.
    pub format: VideoFormat,
    /// Sample layout that the decoder hands to the filter graph.
    pub decoded: PixelFormat,
    /// Processor feature level that the bytes depend on; empty = none.
    pub cpu_level: String,
    /// Identity of the source.
    pub source_digest: String,
}

/// What a recipe is resolved for.
#[derive(Clone, Copy, Debug)]
pub struct SourceFacts<'a> {
    pub format: &'a VideoFormat,
    /// Frames that are encoded: those that the source's become.
    pub frames: u64,
    /// What makes those of the source's.
    pub conversion: Conversion,
    /// Indices of those at which decoding can start, ascending.
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
        let (codec, encoder) = (recipe.codec, recipe.codec.coding.spec);
        let decoded = layout::decoded(&source.format.pixel_format)?;
        let conversion = source.conversion;
        check_conversion(conversion, source.format, &decoded)?;
        check_hdr(&recipe, source.format)?;
        let layout = encoder.layout(&codec, &decoded)?;
        let format = encoded_format(&recipe, source, &decoded, layout)?;
        encoder.check(&recipe, &format)?;
        check_container(&recipe, &format)?;
        let plan = chunks(&recipe, source, format.frame_rate)?;
        check_shared(&recipe, &plan)?;
        Ok(Self {
            encoder_args: encoder.args(&recipe, &format, &plan),
            filter_graph: filter_graph(&recipe, source.format, &decoded, &format),
            conversion,
            plan,
            function_digests,
            format,
            decoded,
            cpu_level: String::new(),
            source_digest: source.digest.to_owned(),
            recipe,
        })
    }

    /// The filters that make a whole source the encoded video: the conversion, and what follows it.
    pub fn whole_filter_graph(&self) -> String {
        let cadence = self.conversion.cadence().map(|cadence| {
            let rate = cadence.rate.as_rational();
            let (count, seconds) = (rate.numerator(), rate.denominator());
            format!("setpts=PTS-STARTPTS,fps={count}/{seconds}")
        });
        let cadence = cadence.unwrap_or_default();
        joined([
            &self.conversion.deinterlacer(),
            &cadence,
            &self.filter_graph,
        ])
    }

    /// The filters that make what is decoded for a chunk exactly its frames; none where that is
    /// [`Self::filter_graph`].
    pub fn chunk_filter_graph(&self, chunk: &ChunkFrames) -> Option<String> {
        if self.conversion.is_none() {
            return None;
        }
        let (filter, own) = (
            self.conversion.deinterlacer(),
            chosen(chunk, self.format.frame_rate),
        );
        Some(joined([&filter, &own, &self.filter_graph]))
    }

    /// The part of the source's picture that is shown, of a picture of that size; `None` = all.
    pub fn source_region(&self, source: Resolution) -> Option<Region> {
        self.recipe.crop.and_then(|crop| crop.within(source))
    }

    /// The part of the encoded picture that is not padding; `None` = all.
    pub fn video_region(&self) -> Option<Region> {
        let padding = self.recipe.padding;
        padding.and_then(|edges| edges.within(self.format.resolution))
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

fn joined<const N: usize>(filters: [&str; N]) -> String {
    let some = filters.into_iter().filter(|filter| !filter.is_empty());
    some.collect::<Vec<_>>().join(",")
}

fn chunks(recipe: &Recipe, source: &SourceFacts<'_>, rate: FrameRate) -> Result<ChunkPlan, Error> {
    let points = source.random_access;
    let planned = plan(source.frames, rate, recipe.chunking, points);
    planned.map_err(|e| match e {
        PlanError::NoFrames => Error::source("NO_FRAMES", e.to_string()),
        PlanError::TooMany { .. } => Error::user("TOO_MANY_CHUNKS", e.to_string())
            .at("recipe.chunking_directives")
            .hint("ask for longer chunks"),
    })
}

/// What a buffer hands from chunk to chunk is told of each.
fn check_shared(recipe: &Recipe, plan: &ChunkPlan) -> Result<(), Error> {
    if recipe.buffer.is_none() || plan.count() <= MAX_SHARED {
        return Ok(());
    }
    let message = format!("{} chunks are too many to hand a buffer on", plan.count());
    Err(Error::user("TOO_MANY_CHUNKS", message)
        .at("recipe.chunking_directives")
        .hint(format!("ask for longer chunks: {MAX_SHARED} at most")))
}

fn encoded_format(
    recipe: &Recipe,
    facts: &SourceFacts<'_>,
    decoded: &PixelFormat,
    layout: PixelFormat,
) -> Result<VideoFormat, Error> {
    let source = facts.format;
    let mut format = source.clone();
    format.pixel_format = layout;
    // Limited is what a bitstream means when it says nothing.
    let full = source.colour.range == Range::Full || source.pixel_format.implies_full_range();
    format.colour.range = if full {
        Range::Full
    } else {
        Range::Unspecified
    };
    format.hdr = recipe.static_hdr.or(source.hdr);
    convert(&mut format, facts.conversion)?;
    let mut problems = Vec::new();
    edges::cut(&mut format, recipe.crop, decoded, &mut problems);
    if let Some(size) = &recipe.size {
        problems.extend(size::resize(&mut format, size).err());
    }
    edges::surround(&mut format, recipe.padding, &mut problems);
    match problems.is_empty() {
        true => Ok(format),
        false => Err(Problems(problems).into_error()),
    }
}

/// Gives `format` the scan and rate of what the conversion makes.
fn convert(format: &mut VideoFormat, conversion: Conversion) -> Result<(), Error> {
    if conversion.deinterlacing().is_some() {
        format.scan_type = ScanType::Progressive;
    }
    if conversion.deinterlacing() == Some(Deinterlacing::Field) {
        let rate = format.frame_rate.as_rational();
        let twice = rate
            .checked_mul(Rational::whole(2))
            .and_then(FrameRate::new);
        format.frame_rate = twice.ok_or_else(|| {
            let message = format!("twice {rate} frames a second are beyond all bounds");
            Error::source("OUT_OF_RANGE", message).at("recipe.deinterlacing")
        })?;
    }
    if let Some(cadence) = conversion.cadence() {
        format.frame_rate = cadence.rate;
    }
    Ok(())
}

/// What the deinterlacer would look at otherwise than as it is, or not at all.
fn check_conversion(
    conversion: Conversion,
    source: &VideoFormat,
    decoded: &PixelFormat,
) -> Result<(), Error> {
    let (size, name) = (source.resolution, decoded.as_str());
    let fields = conversion.deinterlacing().is_some();
    let small = size.width() < 3 || size.height() < 4;
    let deep_grey = name.starts_with("gray") && name != "gray";
    let (code, message) = match fields {
        true if small => (
            "UNSUPPORTED_SIZE",
            format!("a picture of {size} has no fields to speak of"),
        ),
        true if deep_grey => (
            "UNSUPPORTED_PIXEL_FORMAT",
            format!("the deinterlacer does not take {decoded}"),
        ),
        _ => return Ok(()),
    };
    Err(Error::user(code, message)
        .at("recipe.deinterlacing")
        .hint("leave it out"))
}

/// What HDR10 says makes sense with its transfer functions alone.
fn check_hdr(recipe: &Recipe, source: &VideoFormat) -> Result<(), Error> {
    if recipe.static_hdr.is_empty() || source.colour.transfer.is_hdr() {
        return Ok(());
    }
    let message = "the source is neither PQ nor HLG, so that nothing of HDR10 can be said of it";
    Err(Error::user("IMPOSSIBLE_COMBINATION", message)
        .at("recipe.static_hdr")
        .hint("leave it out"))
}

/// What the container cannot tell must not be lost.
fn check_container(recipe: &Recipe, format: &VideoFormat) -> Result<(), Error> {
    let container = recipe.container;
    let refuse = |what: &str| {
        let message = format!("{} cannot tell {what}", container.name());
        let error = Error::user("IMPOSSIBLE_COMBINATION", message);
        Err(error.at("recipe.container").hint("use CONTAINER_MP4"))
    };
    let turned = format.rotation != Rotation::None;
    // Rounding to even sides is no shape of its own.
    let width = i64::from(format.resolution.width());
    let shown = format.sample_aspect_ratio.as_rational().round_mul(width);
    let stretched = shown.is_none_or(|shown| shown.abs_diff(width) > 1);
    let silent = !recipe.codec.coding.tells_pixel_shape;
    if turned && container != Container::Mp4 {
        return refuse("that the picture is turned, as the source's is");
    }
    if !recipe.codec.coding.tells_static_hdr && !format.hdr.is_empty() && container.is_bare() {
        return refuse("what HDR10 says of the display that the film was made on");
    }
    if silent && stretched && container.is_bare() {
        return refuse("that pixels are not square");
    }
    Ok(())
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
            decoded_pixel_format: resolved.decoded.to_string(),
            conversion: Some(resolved.conversion)
                .filter(|conversion| !conversion.is_none())
                .map(proto::video::v1::Conversion::from)
                .into(),
            ..Default::default()
        }
    }
}

impl TryFrom<wire::ResolvedRecipe> for ResolvedRecipe {
    type Error = Error;

    fn try_from(resolved: wire::ResolvedRecipe) -> Result<Self, Error> {
        let recipe = resolved.recipe.into_option().unwrap_or_default();
        let format = resolved.format.into_option().unwrap_or_default();
        let format = VideoFormat::try_from(&format).map_err(|e| malformed(&e.to_string()))?;
        let conversion = resolved.conversion.as_option().map(Conversion::try_from);
        let conversion = conversion.transpose();
        Ok(Self {
            decoded: PixelFormat::new(resolved.decoded_pixel_format)
                .unwrap_or_else(|| format.pixel_format.clone()),
            recipe: Recipe::try_from(recipe).map_err(Problems::into_error)?,
            plan: ChunkPlan::new(resolved.boundaries)
                .ok_or_else(|| malformed("its boundaries do not ascend from 0"))?,
            encoder_args: resolved.encoder_args,
            conversion: conversion
                .map_err(|e| malformed(&e.to_string()))?
                .unwrap_or_default(),
            filter_graph: resolved.filter_graph,
            function_digests: resolved.function_digests.into_iter().collect(),
            format,
            cpu_level: resolved.cpu_level,
            source_digest: resolved.source_digest,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use video::{
        Chroma, ColourDescription, FrameRate, Matrix, Primaries, Rational, SampleAspectRatio,
        ScanType, StaticHdr, TimeBase, Transfer,
    };

    use super::*;
    use crate::recipe::{
        Alignment, BitDepth, Chunking, Codec, Coding, Edges, RateControl, Size, Target, codings,
    };

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
            hdr: StaticHdr::default(),
        }
    }

    fn resolve(recipe: Recipe, format: &VideoFormat) -> Result<ResolvedRecipe, Error> {
        let facts = SourceFacts {
            format,
            frames: 100,
            random_access: &[0, 48],
            conversion: Conversion::new(recipe.deinterlacing, format.scan_type),
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

    fn usual(coding: &str) -> Codec {
        Codec::usual(Coding::named(coding).unwrap())
    }

    fn by(codec: Codec) -> Recipe {
        Recipe {
            codec,
            rate_control: codec.usual_rate_control(),
            ..recipe()
        }
    }

    fn with_profile(coding: &str, profile: &str) -> Recipe {
        let codec = usual(coding);
        let profiles = codec.coding.profiles;
        by(Codec {
            profile: profiles.iter().find(|known| known.name == profile),
            ..codec
        })
    }

    fn with_level(coding: &str, level: &str) -> Recipe {
        let codec = usual(coding);
        let level = codec.coding.levels.iter().find(|l| l.name == level);
        by(Codec { level, ..codec })
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
            size: Size::new(Some(360), Some(288)),
            ..recipe()
        };
        let resolved = resolve(half, &source(720, 576, "yuv420p")).unwrap();
        assert_eq!(resolved.format.sample_aspect_ratio.to_string(), "64:45");
        assert!(
            resolved
                .filter_graph
                .ends_with(":flags=bicubic+accurate_rnd+full_chroma_int+bitexact,format=yuv420p")
        );
        let square = Recipe {
            size: Size::new(Some(1024), Some(576)),
            ..recipe()
        };
        let resolved = resolve(square, &source(720, 576, "yuv420p")).unwrap();
        assert_eq!(
            resolved.format.sample_aspect_ratio,
            SampleAspectRatio::SQUARE
        );
    }

    #[test]
    fn pictures_are_cropped_then_resized_then_padded() {
        let asked = Recipe {
            crop: Edges::new(2, 72, 4, 72),
            size: Size::new(None, Some(288)),
            padding: Edges::new(0, 36, 0, 36),
            ..recipe()
        };
        let resolved = resolve(asked, &source(720, 576, "yuv420p")).unwrap();
        // 714x432 are left.
        let scaled = "scale=w=476:h=288:interl=0:in_range=limited:out_range=limited:\
                      sws_dither=bayer:flags=bicubic+accurate_rnd+full_chroma_int+bitexact";
        let graph = format!(
            "crop=w=714:h=432:x=2:y=72:exact=1,{scaled},format=yuv420p,\
             pad=w=476:h=360:x=0:y=36:color=black"
        );
        assert_eq!(resolved.filter_graph, graph);
        assert_eq!(
            resolved.format.resolution,
            Resolution::new(476, 360).unwrap()
        );
        let region = resolved.video_region().unwrap();
        assert_eq!((region.top, region.size.height()), (36, 288));
        let source = resolved.source_region(Resolution::new(720, 576).unwrap());
        assert_eq!(source.unwrap().size, Resolution::new(714, 432).unwrap());
        let json = resolved.to_json().unwrap();
        assert_eq!(ResolvedRecipe::from_json(&json), Ok(resolved));
        let kept = Recipe {
            crop: Edges::new(0, 0, 0, 16),
            ..recipe()
        };
        let resolved = resolve(kept, &self::source(720, 576, "yuv420p")).unwrap();
        assert_eq!(resolved.filter_graph, "crop=w=720:h=560:x=0:y=0:exact=1");
    }

    #[test]
    fn edges_keep_to_the_chroma_grid_and_to_the_picture() {
        let fields = |crop, padding, format: &VideoFormat| {
            let asked = Recipe {
                crop,
                padding,
                ..recipe()
            };
            let error = match resolve(asked, format) {
                Ok(_) => return vec![],
                Err(error) => error,
            };
            let several = error.causes.iter().filter_map(|cause| cause.field.clone());
            error
                .field
                .clone()
                .into_iter()
                .chain(several)
                .collect::<Vec<_>>()
        };
        let plain = source(720, 576, "yuv420p");
        let all = fields(Edges::new(1, 3, 0, 580), Edges::new(3, 1, 0, 2_000), &plain);
        let expected = [
            "crop.left",
            "crop.top",
            "crop",
            "padding.left",
            "padding.top",
        ];
        assert_eq!(all, expected.map(|field| format!("recipe.{field}")));
        let whole = source(720, 576, "yuv444p");
        assert!(fields(Edges::new(1, 3, 1, 3), None, &whole).is_empty());
        let fields_of_two = VideoFormat {
            scan_type: ScanType::TopFieldFirst,
            ..source(720, 576, "yuv420p")
        };
        assert_eq!(
            fields(Edges::new(0, 2, 0, 2), None, &fields_of_two),
            ["recipe.crop.top"]
        );
        assert!(fields(Edges::new(0, 4, 0, 4), None, &fields_of_two).is_empty());
        let full = source(720, 576, "yuvj420p");
        assert_eq!(
            fields(None, Edges::new(2, 2, 2, 2), &full),
            ["recipe.padding"]
        );
        let large = Edges::new(16_000, 0, 0, 0);
        assert_eq!(fields(None, large, &plain), ["recipe.padding"]);
        assert_eq!(
            fields(Edges::new(0, 0, 1, 0), None, &plain),
            ["recipe.resolution"]
        );
    }

    #[test]
    fn fields_become_frames_before_anything_else() {
        let interlaced = VideoFormat {
            scan_type: ScanType::TopFieldFirst,
            ..source(720, 576, "yuv420p")
        };
        let asked = |deinterlacing| Recipe {
            deinterlacing: Some(deinterlacing),
            crop: Edges::new(0, 2, 0, 2),
            ..recipe()
        };
        let resolved = resolve(asked(Deinterlacing::Field), &interlaced).unwrap();
        assert_eq!(resolved.format.scan_type, ScanType::Progressive);
        assert_eq!(resolved.format.frame_rate.to_string(), "50/1");
        let (bwdif, crop) = (
            "bwdif=mode=send_field:parity=tff:deint=all",
            "crop=w=720:h=572:x=0:y=2:exact=1",
        );
        assert_eq!(resolved.whole_filter_graph(), format!("{bwdif},{crop}"));
        let chunk = |made_of| ChunkFrames {
            made_of,
            places: None,
            frames: 51,
        };
        let graph = resolved.chunk_filter_graph(&chunk(2..53)).unwrap();
        let trim = "trim=start_frame=2:end_frame=53,setpts=PTS-STARTPTS";
        assert_eq!(graph, format!("{bwdif},{trim},{crop}"));
        let json = resolved.to_json().unwrap();
        assert_eq!(ResolvedRecipe::from_json(&json), Ok(resolved));
        let of_frames = resolve(asked(Deinterlacing::Frame), &interlaced).unwrap();
        assert_eq!(of_frames.format.frame_rate.to_string(), "25/1");
        // What is not interlaced is as if nothing had been asked for.
        let plain = source(720, 576, "yuv420p");
        let kept = resolve(asked(Deinterlacing::Field), &plain).unwrap();
        assert_eq!(kept.whole_filter_graph(), crop);
        assert_eq!(kept.chunk_filter_graph(&chunk(0..51)), None);
        for coding in codings() {
            let recipe = Recipe {
                deinterlacing: Some(Deinterlacing::Frame),
                ..by(Codec::usual(coding))
            };
            let square = VideoFormat {
                sample_aspect_ratio: SampleAspectRatio::SQUARE,
                ..interlaced.clone()
            };
            assert!(resolve(recipe, &square).is_ok(), "{}", coding.name);
        }
    }

    #[test]
    fn what_has_no_fields_to_speak_of_is_not_deinterlaced() {
        let refused = |width, height, layout| {
            let interlaced = VideoFormat {
                scan_type: ScanType::BottomFieldFirst,
                ..source(width, height, layout)
            };
            let recipe = Recipe {
                deinterlacing: Some(Deinterlacing::Frame),
                ..recipe()
            };
            let error = resolve(recipe, &interlaced).unwrap_err();
            (error.field.unwrap(), error.code)
        };
        for (width, height, layout, code) in [
            (2, 576, "yuv420p", "UNSUPPORTED_SIZE"),
            (720, 576, "gray10le", "UNSUPPORTED_PIXEL_FORMAT"),
        ] {
            let told = refused(width, height, layout);
            assert_eq!(told, ("recipe.deinterlacing".into(), code.into()));
        }
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
        let (code, hint) = refused(with_profile("avc", "high"), &source(352, 288, "yuv422p"));
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
        let params = resolved.encoder_args.last().unwrap();
        assert!(params.contains(":fast-pskip=0"), "{params}");
    }

    fn hdr10() -> VideoFormat {
        let mut source = source(1280, 720, "yuv420p10le");
        source.sample_aspect_ratio = SampleAspectRatio::SQUARE;
        let display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)";
        source.hdr = StaticHdr {
            mastering_display: Some(display.parse().unwrap()),
            content_light: Some("1000,400".parse().unwrap()),
        };
        source
    }

    #[test]
    fn what_hdr10_says_reaches_every_encoder_that_can_say_it() {
        let args = |coding| {
            let resolved = resolve(by(usual(coding)), &hdr10()).unwrap();
            assert_eq!(resolved.format.hdr, hdr10().hdr);
            let json = resolved.to_json().unwrap();
            assert_eq!(ResolvedRecipe::from_json(&json), Ok(resolved.clone()));
            resolved.encoder_args.join(" ")
        };
        let display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)";
        assert!(args("avc").ends_with(&format!(":mastering-display={display}:cll=1000,400")));
        assert!(args("hevc").ends_with(&format!(":master-display={display}:max-cll=1000,400")));
        let decimal = "G(0.26500,0.69000)B(0.15000,0.06000)R(0.68000,0.32000)\
                       WP(0.31270,0.32900)L(1000.0000,0.0050)";
        let expected = format!(":mastering-display={decimal}:content-light=1000,400");
        assert!(args("av1").ends_with(&expected), "{}", args("av1"));
        assert!(!args("vp9").contains("1000,400"));
    }

    #[test]
    fn what_hdr10_says_can_be_set_where_it_makes_sense_and_is_never_lost() {
        let light = |text: &str| StaticHdr {
            content_light: Some(text.parse().unwrap()),
            mastering_display: None,
        };
        let set = Recipe {
            static_hdr: light("500,100"),
            ..recipe()
        };
        let resolved = resolve(set.clone(), &hdr10()).unwrap();
        assert_eq!(resolved.format.hdr, light("500,100").or(hdr10().hdr));
        let sdr = VideoFormat {
            colour: ColourDescription::default(),
            ..source(720, 576, "yuv420p")
        };
        let refused = resolve(set, &sdr).unwrap_err();
        assert_eq!(refused.field.unwrap(), "recipe.static_hdr");
        let bare = |coding| Recipe {
            container: Container::Ivf,
            ..by(usual(coding))
        };
        let lost = resolve(bare("vp9"), &hdr10()).unwrap_err();
        assert_eq!(lost.field.unwrap(), "recipe.container");
        assert!(resolve(bare("av1"), &hdr10()).is_ok());
    }

    #[test]
    fn every_coding_takes_what_is_usual() {
        let mut square = source(1280, 720, "yuv420p");
        square.sample_aspect_ratio = SampleAspectRatio::SQUARE;
        for coding in codings() {
            let resolved = resolve(by(Codec::usual(coding)), &square).unwrap();
            let encoder = ["-c:v", coding.ffmpeg.encoder];
            assert_eq!(resolved.encoder_args[..2], encoder, "{coding:?}");
            let layout = resolved.format.pixel_format;
            assert_eq!(layout.chroma(), Some(Chroma::Yuv420), "{coding:?}");
        }
    }

    #[test]
    fn hevc_runs_on_one_processor_and_says_nothing_of_itself() {
        let mut source = source(720, 576, "yuv422p10le");
        source.colour.range = Range::Full;
        let codec = with_level("hevc", "4.1").codec;
        let lossless = Recipe {
            rate_control: RateControl::Lossless,
            ..by(codec)
        };
        let resolved = resolve(lossless, &source).unwrap();
        assert_eq!(
            resolved.encoder_args.join(" "),
            "-c:v libx265 -preset medium -pix_fmt yuv422p10le -color_primaries 9 -color_trc 16 \
             -colorspace 9 -color_range 2 -x265-params log-level=error:info=0:pools=none:\
             frame-threads=1:wpp=0:lookahead-slices=0:open-gop=0:keyint=250:high-tier=0:\
             sar=64\\:45:level-idc=4.1:lossless=1"
        );
    }

    #[test]
    fn what_a_profile_or_level_cannot_hold_is_refused_with_one_that_can() {
        let hint = |recipe, width, height, layout| {
            let error = resolve(recipe, &source(width, height, layout)).unwrap_err();
            (error.field.unwrap(), error.hint.unwrap())
        };
        let profile = |coding, profile, layout, least| {
            let (field, hint) = hint(with_profile(coding, profile), 720, 576, layout);
            assert_eq!(field, "recipe.codec.profile", "{coding}");
            assert_eq!(hint, format!("use {least}, or leave the profile out"));
        };
        profile("hevc", "main", "yuv420p10le", "main10");
        profile("hevc", "main10", "yuv422p", "main422-10");
        profile("hevc", "main444-8", "yuv444p10le", "main444-10");
        profile("avc", "main", "gray", "high");
        assert!(resolve(with_profile("hevc", "main10"), &source(720, 576, "yuv420p")).is_ok());
        let level = |coding, level, (width, height), least| {
            let (field, hint) = hint(with_level(coding, level), width, height, "yuv420p");
            assert_eq!(field, "recipe.codec.level", "{coding}");
            assert_eq!(hint, format!("use {least} or above, or leave it out"));
        };
        // 25 pictures a second; a picture of 1080 lines has 1088 in AVC, 1080 in others.
        level("avc", "3", (1280, 720), "3.1");
        level("avc", "3.2", (1920, 1080), "4");
        level("hevc", "3", (1280, 720), "3.1");
        level("hevc", "4.1", (3840, 2160), "5");
        level("av1", "3.1", (1920, 1080), "4.0");
        // Few samples, but a long side.
        level("avc", "1.1", (1024, 64), "2.1");
        assert!(resolve(with_level("hevc", "4"), &source(1920, 1080, "yuv420p")).is_ok());
        let fast = VideoFormat {
            frame_rate: FrameRate::new(Rational::whole(50)).unwrap(),
            ..source(1920, 1080, "yuv420p")
        };
        let refused = resolve(with_level("hevc", "4"), &fast).unwrap_err();
        assert_eq!(refused.code, "LEVEL_EXCEEDED");
        assert!(resolve(with_level("hevc", "4.1"), &fast).is_ok());
    }

    #[test]
    fn vp9_is_coded_by_quality_on_one_processor() {
        let mut source = source(1280, 720, "gray10le");
        source.sample_aspect_ratio = SampleAspectRatio::SQUARE;
        let tuned = Codec {
            tune: Some("film"),
            ..usual("vp9")
        };
        let resolved = resolve(by(tuned), &source).unwrap();
        assert_eq!(
            resolved.encoder_args.join(" "),
            "-c:v libvpx-vp9 -deadline good -cpu-used 2 -crf 32 -b:v 0 -tune-content film -g 52 \
             -threads 1 -row-mt 0 -tile-columns 2 -tile-rows 0 -frame-parallel 0 -auto-alt-ref 1 \
             -lag-in-frames 25 -pix_fmt yuv420p10le -color_primaries 9 -color_trc 16 \
             -colorspace 9 -color_range 1"
        );
        let lossless = Recipe {
            rate_control: RateControl::Lossless,
            container: Container::Ivf,
            ..by(usual("vp9"))
        };
        let deep = resolve(lossless.clone(), &source).unwrap_err();
        assert_eq!(deep.field.unwrap(), "recipe.rate_control.lossless");
        source.pixel_format = PixelFormat::new("yuv444p").unwrap();
        let resolved = resolve(lossless, &source).unwrap();
        assert!(
            resolved
                .encoder_args
                .join(" ")
                .contains(" -lossless 1 -g 52 ")
        );
        let (odd, profile) = (
            super::tests::source(353, 287, "yuv420p"),
            with_profile("vp9", "0"),
        );
        assert!(resolve(profile.clone(), &odd).is_ok());
        let deep = super::tests::source(352, 288, "yuv422p10le");
        let hint = resolve(profile, &deep).unwrap_err().hint.unwrap();
        assert_eq!(hint, "use 3, or leave the profile out");
    }

    #[test]
    fn vvc_is_coded_by_quality_in_closed_groups_with_its_colour_told() {
        let mut source = source(720, 576, "yuv422p");
        source.colour.range = Range::Full;
        let resolved = resolve(with_level("vvc", "4.1"), &source).unwrap();
        assert_eq!(resolved.plan.boundaries(), [0, 48, 100]);
        assert_eq!(
            resolved.encoder_args.join(" "),
            "-c:v libvvenc -threads 1 -preset medium -qp 32 -pix_fmt yuv420p10le -vvenc-params \
             verbosity=0:poc0idr=1:decodingrefreshtype=idr_no_radl:intraperiod=64:\
             accessunitdelimiter=0:vuiparameterspresent=1:colourdescriptionpresent=1:\
             colourprimaries=9:transfercharacteristics=16:matrixcoefficients=9:videofullrange=1:\
             aspectratioidc=255:sarwidth=64:sarheight=45:level=4.1"
        );
        let filters = &resolved.filter_graph;
        assert!(filters.ends_with(",format=yuv420p10le"), "{filters}");
        source.sample_aspect_ratio = SampleAspectRatio::SQUARE;
        source.colour.range = Range::Limited;
        let plain = resolve(by(usual("vvc")), &source).unwrap();
        let args = plain.encoder_args.join(" ");
        assert!(
            args.ends_with(":videofullrange=0:aspectratioidc=1"),
            "{args}"
        );
    }

    #[test]
    fn what_vvenc_does_not_take_is_refused() {
        let refused = |recipe: Recipe, width, height, layout| {
            let error = resolve(recipe, &source(width, height, layout)).unwrap_err();
            (error.field.unwrap(), error.code)
        };
        let usual = || by(usual("vvc"));
        for (width, height) in [(16, 576), (720, 30), (8_194, 576)] {
            let told = refused(usual(), width, height, "yuv420p");
            let expected = ("recipe.resolution".into(), "UNSUPPORTED_SIZE".into());
            assert_eq!(told, expected, "{width}x{height}");
        }
        assert_eq!(refused(usual(), 721, 576, "yuv444p").1, "UNSUPPORTED_SIZE");
        let low = refused(with_level("vvc", "3.0"), 1280, 720, "yuv420p");
        assert_eq!(low.1, "LEVEL_EXCEEDED");
        // What is lost of a deeper source is asked for.
        let deep = refused(usual(), 720, 576, "yuv420p12le");
        assert_eq!(deep.1, "UNSUPPORTED_PIXEL_FORMAT");
        let mut ten = usual();
        ten.codec.bit_depth = Some(BitDepth::Ten);
        assert!(resolve(ten, &source(720, 576, "yuv420p12le")).is_ok());
        let fields = VideoFormat {
            scan_type: ScanType::TopFieldFirst,
            ..source(720, 576, "yuv420p")
        };
        let error = resolve(usual(), &fields).unwrap_err();
        assert_eq!(error.code, "UNSUPPORTED_SCAN");
    }

    fn av1() -> Recipe {
        by(usual("av1"))
    }

    #[test]
    fn a_chunk_of_av1_has_one_key_frame() {
        let mut source = source(720, 576, "yuv422p");
        source.colour.range = Range::Full;
        let resolved = resolve(av1(), &source).unwrap();
        assert_eq!(resolved.plan.boundaries(), [0, 48, 100]);
        assert_eq!(
            resolved.encoder_args.join(" "),
            "-c:v libsvtav1 -preset 8 -crf 35 -g 52 -pix_fmt yuv420p -color_primaries 9 \
             -color_trc 16 -colorspace 9 -color_range 2 -svtav1-params \
             lp=1:pin=0:irefresh-type=2:hierarchical-levels=4"
        );
        assert_eq!(resolved.decoded.as_str(), "yuv422p");
        assert!(
            resolved
                .filter_graph
                .contains("in_range=full:out_range=full")
        );
    }

    #[test]
    fn long_chunks_of_av1_have_a_key_frame_every_ten_seconds() {
        let mut long = av1();
        long.chunking.target = Target::Frames(100_000);
        let format = source(720, 576, "yuv420p");
        let facts = SourceFacts {
            format: &format,
            frames: 5_000,
            random_access: &[0],
            conversion: Conversion::default(),
            digest: "sha256/00",
        };
        let resolved = ResolvedRecipe::new(long, &facts, BTreeMap::new()).unwrap();
        assert!(
            resolved
                .encoder_args
                .windows(2)
                .any(|pair| pair == ["-g", "257"])
        );
    }

    #[test]
    fn chunks_have_no_other_key_frame_where_encodes_are_aligned() {
        let intervals = [
            ("avc", ":open-gop=0:keyint=infinite:min-keyint=1000:"),
            ("hevc", ":open-gop=0:keyint=1000:min-keyint=1000:"),
            ("av1", "-g 1000 "),
            ("vp9", "-g 1000 -keyint_min 1000 "),
            // In whole groups of frames.
            ("vvc", ":intraperiod=1024:"),
        ];
        assert_eq!(intervals.map(|(coding, _)| coding).len(), codings().len());
        let format = VideoFormat {
            sample_aspect_ratio: SampleAspectRatio::SQUARE,
            ..source(720, 576, "yuv420p")
        };
        let facts = SourceFacts {
            format: &format,
            frames: 3_400,
            random_access: &[0, 990],
            conversion: Conversion::default(),
            digest: "sha256/00",
        };
        for (coding, interval) in intervals {
            let mut aligned = by(usual(coding));
            aligned.chunking = Chunking {
                target: Target::Frames(1_000),
                alignment: Alignment::Fixed,
                aligned_access: true,
            };
            let resolved = ResolvedRecipe::new(aligned, &facts, BTreeMap::new()).unwrap();
            let args = resolved.encoder_args.join(" ");
            assert!(args.contains(interval), "{coding}: {args}");
        }
    }

    #[test]
    fn depth_changes_by_the_filter_graph_not_by_the_decoder() {
        let ten = Recipe {
            codec: Codec {
                bit_depth: Some(BitDepth::Ten),
                ..Codec::default()
            },
            ..recipe()
        };
        let resolved = resolve(ten, &source(720, 576, "yuv444p12be")).unwrap();
        assert_eq!(resolved.decoded.as_str(), "yuv444p12le");
        assert_eq!(resolved.format.pixel_format.as_str(), "yuv444p10le");
        assert!(resolved.filter_graph.ends_with(",format=yuv444p10le"));
        let json = resolved.to_json().unwrap();
        assert_eq!(ResolvedRecipe::from_json(&json), Ok(resolved));
    }

    #[test]
    fn what_a_container_or_av1_cannot_tell_is_refused() {
        let refused =
            |recipe: Recipe, format: &VideoFormat| resolve(recipe, format).unwrap_err().code;
        let within = |container, recipe: Recipe| Recipe {
            container,
            ..recipe
        };
        let mut square = source(720, 576, "yuv420p");
        square.sample_aspect_ratio = SampleAspectRatio::SQUARE;
        let turned = VideoFormat {
            rotation: Rotation::Half,
            ..square.clone()
        };
        let others = Container::ALL.iter().filter(|one| **one != Container::Mp4);
        for container in others.copied() {
            assert_eq!(
                refused(within(container, av1()), &turned),
                "IMPOSSIBLE_COMBINATION"
            );
            assert!(resolve(within(container, av1()), &square).is_ok());
        }
        let wide = source(720, 576, "yuv420p");
        assert_eq!(
            refused(within(Container::Elementary, av1()), &wide),
            "IMPOSSIBLE_COMBINATION"
        );
        assert!(resolve(within(Container::Elementary, recipe()), &wide).is_ok());
        let rounded = Recipe {
            size: Size::new(None, Some(200)),
            ..within(Container::Elementary, av1())
        };
        assert!(resolve(rounded, &square).is_ok());
        let interlaced = VideoFormat {
            scan_type: ScanType::TopFieldFirst,
            ..square
        };
        assert_eq!(refused(av1(), &interlaced), "UNSUPPORTED_SCAN");
        assert_eq!(
            refused(av1(), &source(32, 576, "yuv420p")),
            "UNSUPPORTED_SIZE"
        );
        assert_eq!(
            refused(av1(), &source(721, 576, "yuv444p")),
            "UNSUPPORTED_SIZE"
        );
        assert_eq!(
            refused(av1(), &source(720, 576, "yuv420p12le")),
            "UNSUPPORTED_PIXEL_FORMAT"
        );
    }
}
