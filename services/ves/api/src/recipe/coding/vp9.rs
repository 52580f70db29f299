//! VP9: what libvpx is told, and what it cannot do.

use errors::Error;
use video::{Chroma, PixelFormat, VideoFormat};

use super::args::{check_bounds, check_progressive, colour, key_interval, words};
use super::{Encoder, Ffmpeg, Level, Lossless, Passes, Profile, RateFactors, level, profile};
use crate::recipe::layout::with_depth;
use crate::recipe::{ChunkPlan, Codec, Coding, Container, RateControl, Recipe};
use crate::wire;

pub(super) static VP9: Coding = Coding {
    name: "vp9",
    title: "VP9",
    encoder: "libvpx",
    ffmpeg: Ffmpeg::usual("libvpx-vp9"),
    format: wire::CodecFormat::CODEC_FORMAT_VP9,
    ffprobe_name: "vp9",
    presets: &["5", "4", "3", "2", "1", "0"],
    usual_preset: "2",
    profiles: &[
        Profile::new("0", "Profile 0", &[Chroma::Yuv420], (8, 8)),
        Profile::new("1", "Profile 1", SUBSAMPLED_LESS, (8, 8)),
        Profile::new("2", "Profile 2", &[Chroma::Yuv420], (10, 10)),
        Profile::new("3", "Profile 3", SUBSAMPLED_LESS, (10, 10)),
    ],
    levels: &LEVELS,
    tunes: &["psnr", "ssim", "screen", "film"],
    rate_factors: RateFactors {
        least: 1_000,
        most: 63_000,
        step: 1_000,
        usual: 32_000,
        lossless: Lossless::Possible,
    },
    passes: Some(&Passes {
        first: "-cpu-used 5, then -pass 1,",
        second: "-pass 2",
        buffer: None,
    }),
    meets_quality: true,
    containers: &[
        Container::Mp4,
        Container::Mkv,
        Container::WebM,
        Container::Ivf,
    ],
    extensions: &[],
    tells_pixel_shape: false,
    tells_static_hdr: false,
    spec: &Libvpx,
};

const SUBSAMPLED_LESS: &[Chroma] = &[Chroma::Yuv422, Chroma::Yuv444];

/// Levels of the VP Codec ISO Media File Format Binding: picture, side, and samples in a second.
static LEVELS: [Level; 14] = [
    level("1", 10, 36_864, 512, 829_440),
    level("1.1", 11, 73_728, 768, 2_764_800),
    level("2", 20, 122_880, 960, 4_608_000),
    level("2.1", 21, 245_760, 1_344, 9_216_000),
    level("3", 30, 552_960, 2_048, 20_736_000),
    level("3.1", 31, 983_040, 2_752, 36_864_000),
    level("4", 40, 2_228_224, 4_160, 83_558_400),
    level("4.1", 41, 2_228_224, 4_160, 160_432_128),
    level("5", 50, 8_912_896, 8_384, 311_951_360),
    level("5.1", 51, 8_912_896, 8_384, 588_251_136),
    level("5.2", 52, 8_912_896, 8_384, 1_176_502_272),
    level("6", 60, 35_651_584, 16_832, 1_176_502_272),
    level("6.1", 61, 35_651_584, 16_832, 2_353_004_544),
    level("6.2", 62, 35_651_584, 16_832, 4_706_009_088),
];

const fn level(name: &'static str, code: u32, picture: u64, side: u32, rate: u64) -> Level {
    Level::new(name, code, picture, (side, side), rate)
}

/// Sides that libvpx takes.
const MOST_SIDES: (u32, u32) = (16_384, 16_384);

struct Libvpx;

impl Encoder for Libvpx {
    /// Grey is coded as 4:2:0.
    fn layout(&self, codec: &Codec, decoded: &PixelFormat) -> Result<PixelFormat, Error> {
        let chroma = match decoded.chroma() {
            Some(Chroma::Monochrome) => Some(Chroma::Yuv420),
            other => other,
        };
        with_depth(decoded, chroma, codec.bit_depth)
    }

    /// Odd sides are possible.
    fn check(&self, recipe: &Recipe, format: &VideoFormat) -> Result<(), Error> {
        let codec = &recipe.codec;
        check_lossless(recipe.rate_control, &format.pixel_format)?;
        check_progressive(
            format,
            "VP9 has no way to tell that a picture is interlaced",
        )?;
        check_bounds(codec.coding, format.resolution, 1, MOST_SIDES)?;
        profile::check(codec, &format.pixel_format)?;
        level::check(codec, format, 1)
    }

    fn args(&self, recipe: &Recipe, format: &VideoFormat, plan: &ChunkPlan) -> Vec<String> {
        let (codec, rate) = (&recipe.codec, recipe.rate_control);
        let mut args = words(["-c:v", "libvpx-vp9", "-deadline", "good"]);
        args.extend(words(["-cpu-used", codec.preset]));
        args.extend(match rate {
            // Without a target of bits, quality alone counts.
            RateControl::Crf(crf) => words(["-crf", &crf.to_string(), "-b:v", "0"]),
            RateControl::Lossless => words(["-lossless", "1"]),
            // The rate factor is each chunk's own.
            RateControl::Quality(_) => words(["-b:v", "0"]),
            RateControl::Bitrate(_) => vec![],
        });
        args.extend(codec.tune.map(tune).into_iter().flatten());
        args.extend(key_frames(recipe, format, plan));
        args.extend(one_processor(format));
        args.extend(words(["-pix_fmt", format.pixel_format.as_str()]));
        args.extend(colour(format));
        args
    }
}

/// Asked to lose nothing of 10 bits, libvpx (1.12, speeds 4 and 5) loses a little of some frames.
fn check_lossless(rate: RateControl, layout: &PixelFormat) -> Result<(), Error> {
    let deep = layout.bit_depth().is_none_or(|depth| depth > 8);
    if !(deep && rate == RateControl::Lossless) {
        return Ok(());
    }
    let why = format!("libvpx does not code {layout} without loss");
    Err(Error::user("IMPOSSIBLE_COMBINATION", why)
        .at("recipe.rate_control.lossless")
        .hint("use hevc or avc for that, or ask for 8 bits"))
}

/// With equal bounds, libvpx puts no key frames where scenes change.
fn key_frames(recipe: &Recipe, format: &VideoFormat, plan: &ChunkPlan) -> Vec<String> {
    let interval = key_interval(recipe, format, plan, 1).to_string();
    let mut args = words(["-g", &interval]);
    if recipe.chunking.aligned_access {
        args.extend(words(["-keyint_min", &interval]));
    }
    args
}

fn tune(name: &str) -> Vec<String> {
    let option = match name {
        "screen" | "film" => "-tune-content",
        _ => "-tune",
    };
    words([option, name])
}

/// A worker has one. Columns of tiles let players use more; rows beside one another, and more than
/// one thread, are what the bytes could depend on.
fn one_processor(format: &VideoFormat) -> Vec<String> {
    let columns = match format.resolution.width() {
        0..640 => "0",
        640..1280 => "1",
        1280..2560 => "2",
        _ => "3",
    };
    let mut args = words(["-threads", "1", "-row-mt", "0", "-tile-columns", columns]);
    args.extend(words(["-tile-rows", "0", "-frame-parallel", "0"]));
    args.extend(words(["-auto-alt-ref", "1", "-lag-in-frames", "25"]));
    args
}
