//! AV1: what SVT-AV1 is told, and what it cannot do.

use errors::Error;
use video::{Chroma, Chromaticity, MasteringDisplay, PixelFormat, VideoFormat};

use super::args::{
    check_bounds, check_progressive, check_subsampling, colour, key_interval, words,
};
use super::profile::UP_TO_420;
use super::{Encoder, Ffmpeg, Level, Lossless, Profile, RateFactors, level};
use crate::recipe::layout::with_depth;
use crate::recipe::{ChunkPlan, Codec, Coding, Container, RateControl, Recipe};
use crate::wire;

pub(super) static AV1: Coding = Coding {
    name: "av1",
    title: "AV1",
    encoder: "SVT-AV1",
    ffmpeg: Ffmpeg::usual("libsvtav1"),
    format: wire::CodecFormat::CODEC_FORMAT_AV1,
    ffprobe_name: "av1",
    presets: &[
        "13", "12", "11", "10", "9", "8", "7", "6", "5", "4", "3", "2", "1", "0",
    ],
    usual_preset: "8",
    profiles: &[Profile::new("main", "Main", UP_TO_420, (8, 10))],
    levels: &LEVELS,
    tunes: &["vq", "psnr"],
    rate_factors: RateFactors {
        least: 1_000,
        most: 63_000,
        step: 1_000,
        usual: 35_000,
        lossless: Lossless::Never,
    },
    passes: None,
    meets_quality: true,
    containers: &[
        Container::Mp4,
        Container::Mkv,
        Container::WebM,
        Container::Ivf,
        Container::Elementary,
    ],
    extensions: &["obu"],
    tells_pixel_shape: false,
    tells_static_hdr: true,
    spec: &SvtAv1,
};

/// Annex A.3 of the specification: picture, width and height, and samples shown in a second.
static LEVELS: [Level; 14] = [
    Level::new("2.0", 0, 147_456, (2_048, 1_152), 4_423_680),
    Level::new("2.1", 1, 278_784, (2_816, 1_584), 8_363_520),
    Level::new("3.0", 4, 665_856, (4_352, 2_448), 19_975_680),
    Level::new("3.1", 5, 1_065_024, (5_504, 3_096), 31_950_720),
    Level::new("4.0", 8, 2_359_296, (6_144, 3_456), 70_778_880),
    Level::new("4.1", 9, 2_359_296, (6_144, 3_456), 141_557_760),
    Level::new("5.0", 12, 8_912_896, (8_192, 4_352), 267_386_880),
    Level::new("5.1", 13, 8_912_896, (8_192, 4_352), 534_773_760),
    Level::new("5.2", 14, 8_912_896, (8_192, 4_352), 1_069_547_520),
    Level::new("5.3", 15, 8_912_896, (8_192, 4_352), 1_069_547_520),
    Level::new("6.0", 16, 35_651_584, (16_384, 8_704), 1_069_547_520),
    Level::new("6.1", 17, 35_651_584, (16_384, 8_704), 2_139_095_040),
    Level::new("6.2", 18, 35_651_584, (16_384, 8_704), 4_278_190_080),
    Level::new("6.3", 19, 35_651_584, (16_384, 8_704), 4_278_190_080),
];

/// Frames of a mini-GOP: 2 to the power of [`LAYERS`].
const MINI_GOP: u64 = 16;
/// Layers of reference below the first frame of a mini-GOP.
const LAYERS: u32 = 4;

/// Sides that SVT-AV1 takes.
const LEAST_SIDE: u32 = 64;
const MOST_SIDES: (u32, u32) = (16_384, 8_704);

struct SvtAv1;

impl Encoder for SvtAv1 {
    /// 4:2:0, whatever the source's chroma.
    fn layout(&self, codec: &Codec, decoded: &PixelFormat) -> Result<PixelFormat, Error> {
        with_depth(decoded, Some(Chroma::Yuv420), codec.bit_depth)
    }

    fn check(&self, recipe: &Recipe, format: &VideoFormat) -> Result<(), Error> {
        let codec = &recipe.codec;
        check_progressive(
            format,
            "AV1 has no way to tell that a picture is interlaced",
        )?;
        check_bounds(codec.coding, format.resolution, LEAST_SIDE, MOST_SIDES)?;
        check_subsampling(format)?;
        level::check(codec, format, 1)
    }

    fn args(&self, recipe: &Recipe, format: &VideoFormat, plan: &ChunkPlan) -> Vec<String> {
        let (codec, rate) = (&recipe.codec, recipe.rate_control);
        let mut args = words(["-c:v", "libsvtav1", "-preset", codec.preset]);
        if let RateControl::Crf(crf) = rate {
            args.extend(words(["-crf", &crf.to_string()]));
        }
        args.extend(words([
            "-g",
            &key_interval(recipe, format, plan, MINI_GOP).to_string(),
        ]));
        args.extend(words(["-pix_fmt", format.pixel_format.as_str()]));
        args.extend(colour(format));
        args.extend(words(["-svtav1-params", &params(codec, format)]));
        args
    }
}

/// One logical processor: a worker has one, and rate control by quality gives the same bytes for
/// any number. Not pinned, or all workers would share the first.
fn params(codec: &Codec, format: &VideoFormat) -> String {
    let mut params = vec![format!(
        "lp=1:pin=0:irefresh-type=2:hierarchical-levels={LAYERS}"
    )];
    let tune = |tune: &str| u8::from(tune == "psnr");
    params.extend(codec.tune.map(|name| format!("tune={}", tune(name))));
    let level = codec.level.map(|level| level.name.replace('.', ""));
    params.extend(level.map(|level| format!("level={level}")));
    let display = format.hdr.mastering_display.as_ref().map(in_decimals);
    params.extend(display.map(|display| format!("mastering-display={display}")));
    let light = format.hdr.content_light;
    params.extend(light.map(|light| format!("content-light={light}")));
    params.join(":")
}

/// As x265 writes it, but with coordinates from 0 to 1 and luminance in cd/m².
fn in_decimals(display: &MasteringDisplay) -> String {
    let coordinate = |units: u16| {
        let (one, units) = (u32::from(Chromaticity::ONE), u32::from(units));
        format!("{}.{:05}", units / one, units % one * 2)
    };
    let colour =
        |colour: Chromaticity| format!("({},{})", coordinate(colour.x), coordinate(colour.y));
    let luminance = |units: u32| format!("{}.{:04}", units / 10_000, units % 10_000);
    format!(
        "G{}B{}R{}WP{}L({},{})",
        colour(display.green),
        colour(display.blue),
        colour(display.red),
        colour(display.white_point),
        luminance(display.max_luminance),
        luminance(display.min_luminance),
    )
}
