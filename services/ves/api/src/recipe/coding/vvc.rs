//! VVC (ITU-T H.266): what VVenC is told, and what it cannot do.

use errors::Error;
use video::{Chroma, PixelFormat, Range, SampleAspectRatio, VideoFormat};

use super::args::{check_bounds, check_progressive, check_subsampling, key_interval, words};
use super::{Encoder, Ffmpeg, Level, Lossless, Profile, RateFactors, level, profile};
use crate::recipe::layout::with_depth;
use crate::recipe::{BitDepth, ChunkPlan, Codec, Coding, Container, RateControl, Recipe};
use crate::wire;

pub(super) static VVC: Coding = Coding {
    name: "vvc",
    title: "VVC (H.266)",
    encoder: "VVenC",
    ffmpeg: Ffmpeg {
        tool: "ffmpeg-vvc|ffmpeg-quality|ffmpeg",
        encoder: "libvvenc",
    },
    format: wire::CodecFormat::CODEC_FORMAT_VVC,
    ffprobe_name: "vvc",
    presets: &["faster", "fast", "medium", "slow", "slower"],
    usual_preset: "medium",
    profiles: &[Profile::new(
        "main10",
        "Main 10",
        &[Chroma::Yuv420],
        (10, 10),
    )],
    levels: &LEVELS,
    tunes: &[],
    rate_factors: RateFactors {
        least: 1_000,
        most: 63_000,
        step: 1_000,
        usual: 32_000,
        lossless: Lossless::Never,
    },
    passes: None,
    meets_quality: false,
    containers: &[Container::Mp4],
    extensions: &[],
    tells_pixel_shape: true,
    tells_static_hdr: false,
    spec: &VVenC,
};

/// Tables A.1 and A.2 of the standard, in samples of brightness: of a picture, and of a second.
static LEVELS: [Level; 14] = [
    samples("1.0", 16, 36_864, 552_960),
    samples("2.0", 32, 122_880, 3_686_400),
    samples("2.1", 35, 245_760, 7_372_800),
    samples("3.0", 48, 552_960, 16_588_800),
    samples("3.1", 51, 983_040, 33_177_600),
    samples("4.0", 64, 2_228_224, 66_846_720),
    samples("4.1", 67, 2_228_224, 133_693_440),
    samples("5.0", 80, 8_912_896, 267_386_880),
    samples("5.1", 83, 8_912_896, 534_773_760),
    samples("5.2", 86, 8_912_896, 1_069_547_520),
    samples("6.0", 96, 35_651_584, 1_069_547_520),
    samples("6.1", 99, 35_651_584, 2_139_095_040),
    samples("6.2", 102, 35_651_584, 4_278_190_080),
    samples("6.3", 105, 80_216_064, 4_812_963_840),
];

/// Sides are at most the root of eight times the picture (A.4.2).
const fn samples(name: &'static str, code: u32, picture: u64, rate: u64) -> Level {
    let side = (8 * picture).isqrt() as u32;
    Level::new(name, code, picture, (side, side), rate)
}

/// Frames of a group, in whole ones of which VVenC wants the distance of refreshes.
const GROUP: u64 = 32;
/// Sides of the least coding block, of which a coded picture has whole ones.
const BLOCK: u32 = 8;
/// VVenC takes no picture that is smaller than its coding tree blocks on both sides.
const LEAST_SIDE: u32 = 32;
const MOST_SIDES: (u32, u32) = (8_192, 4_352);

struct VVenC;

impl Encoder for VVenC {
    fn agree(&self, codec: &Codec, _: RateControl) -> Result<(), Error> {
        if codec.bit_depth != Some(BitDepth::Eight) {
            return Ok(());
        }
        let why = "VVenC codes 10 bits per sample and nothing else";
        Err(Error::user("IMPOSSIBLE_COMBINATION", why)
            .at("recipe.codec.bit_depth")
            .hint("use 10, or leave it out: a source of 8 bits is coded with 10"))
    }

    /// 4:2:0 of 10 bits, whatever the source's chroma; of deeper sources only if that was asked for.
    fn layout(&self, codec: &Codec, decoded: &PixelFormat) -> Result<PixelFormat, Error> {
        let chroma = Some(Chroma::Yuv420);
        with_depth(decoded, chroma, codec.bit_depth)?;
        with_depth(decoded, chroma, Some(BitDepth::Ten))
    }

    fn check(&self, recipe: &Recipe, format: &VideoFormat) -> Result<(), Error> {
        let codec = &recipe.codec;
        check_progressive(format, "VVenC codes no interlaced pictures")?;
        check_bounds(codec.coding, format.resolution, LEAST_SIDE, MOST_SIDES)?;
        check_subsampling(format)?;
        profile::check(codec, &format.pixel_format)?;
        level::check(codec, format, BLOCK)
    }

    fn args(&self, recipe: &Recipe, format: &VideoFormat, plan: &ChunkPlan) -> Vec<String> {
        let (codec, rate) = (&recipe.codec, recipe.rate_control);
        let mut args = words(["-c:v", "libvvenc", "-threads", "1", "-preset", codec.preset]);
        if let RateControl::Crf(crf) = rate {
            args.extend(words(["-qp", &crf.to_string()]));
        }
        args.extend(words(["-pix_fmt", format.pixel_format.as_str()]));
        args.extend(words(["-vvenc-params", &params(recipe, format, plan)]));
        args
    }
}

/// Each chunk begins with an instantaneous refresh that nothing is shown before. Colour and shape are told
/// to the encoder itself: the ffmpegs that have it would convert the picture to what they are told.
fn params(recipe: &Recipe, format: &VideoFormat, plan: &ChunkPlan) -> String {
    let interval = key_interval(recipe, format, plan, GROUP).next_multiple_of(GROUP);
    let mut params = vec![
        "verbosity=0:poc0idr=1:decodingrefreshtype=idr_no_radl".to_owned(),
        format!("intraperiod={interval}:accessunitdelimiter=0"),
        colour(format),
        shape(format.sample_aspect_ratio),
    ];
    params.extend(
        recipe
            .codec
            .level
            .map(|level| format!("level={}", level.name)),
    );
    params.join(":")
}

fn colour(format: &VideoFormat) -> String {
    let colour = format.colour;
    format!(
        "vuiparameterspresent=1:colourdescriptionpresent=1:colourprimaries={}:\
         transfercharacteristics={}:matrixcoefficients={}:videofullrange={}",
        colour.primaries.code(),
        colour.transfer.code(),
        colour.matrix.code(),
        u8::from(colour.range == Range::Full)
    )
}

fn shape(shape: SampleAspectRatio) -> String {
    if shape == SampleAspectRatio::SQUARE {
        return "aspectratioidc=1".into();
    }
    let shape = shape.as_rational();
    let (width, height) = (shape.numerator(), shape.denominator());
    format!("aspectratioidc=255:sarwidth={width}:sarheight={height}")
}
