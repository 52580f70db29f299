//! HEVC (ITU-T H.265): what x265 is told, and what it cannot do.

use errors::Error;
use video::{Chroma, VideoFormat};

use super::args::{
    check_bounds, check_progressive, check_subsampling, colour, longest, option, words,
};
use super::profile::{ALL_CHROMA, YUV420};
use super::{
    Encoder, Ffmpeg, Level, Lossless, Passes, Profile, RateFactors, hevc_level, level, peak,
    profile,
};
use crate::recipe::{ChunkPlan, Coding, Container, RateControl, Recipe};
use crate::wire;

pub(super) static HEVC: Coding = Coding {
    name: "hevc",
    title: "HEVC (H.265)",
    encoder: "x265",
    ffmpeg: Ffmpeg::usual("libx265"),
    format: wire::CodecFormat::CODEC_FORMAT_HEVC,
    ffprobe_name: "hevc",
    presets: &[
        "ultrafast",
        "superfast",
        "veryfast",
        "faster",
        "fast",
        "medium",
        "slow",
        "slower",
        "veryslow",
        "placebo",
    ],
    usual_preset: "medium",
    profiles: &[
        Profile::new("main", "Main", YUV420, (8, 8)),
        Profile::new("main10", "Main 10", YUV420, (8, 10)),
        Profile::new("main422-10", "Rext", YUV420_AND_422, (8, 10)),
        Profile::new("main444-8", "Rext", ALL_CHROMA, (8, 8)),
        Profile::new("main444-10", "Rext", ALL_CHROMA, (8, 10)),
    ],
    levels: &LEVELS,
    tunes: &[
        "animation",
        "grain",
        "psnr",
        "ssim",
        "fastdecode",
        "zerolatency",
    ],
    rate_factors: RateFactors {
        least: 1,
        most: 51_000,
        step: 1,
        usual: 28_000,
        lossless: Lossless::Possible,
    },
    passes: Some(&Passes {
        first: "pass=1 (-x265-params)",
        second: "pass=2 (-x265-params)",
        buffer: Some("vbv-maxrate, vbv-bufsize, vbv-init"),
    }),
    meets_quality: true,
    containers: &[Container::Mp4, Container::Mkv, Container::Elementary],
    extensions: &["265", "h265", "hevc"],
    tells_pixel_shape: true,
    tells_static_hdr: true,
    spec: &X265,
};

/// x265 takes grey for the profiles of 4:4:4 alone.
const YUV420_AND_422: &[Chroma] = &[Chroma::Yuv420, Chroma::Yuv422];

/// Sides of the least coding block, of which a coded picture has whole ones.
const BLOCK: u32 = 8;
/// Sides that x265 takes.
const LEAST_SIDE: u32 = 16;
const MOST_SIDES: (u32, u32) = (8_192, 4_352);

/// Tables A.8 and A.9 of the standard, in samples of brightness: of a picture, and of a second.
static LEVELS: [Level; 13] = [
    samples("1", 30, 36_864, 552_960),
    samples("2", 60, 122_880, 3_686_400),
    samples("2.1", 63, 245_760, 7_372_800),
    samples("3", 90, 552_960, 16_588_800),
    samples("3.1", 93, 983_040, 33_177_600),
    samples("4", 120, 2_228_224, 66_846_720),
    samples("4.1", 123, 2_228_224, 133_693_440),
    samples("5", 150, 8_912_896, 267_386_880),
    samples("5.1", 153, 8_912_896, 534_773_760),
    samples("5.2", 156, 8_912_896, 1_069_547_520),
    samples("6", 180, 35_651_584, 1_069_547_520),
    samples("6.1", 183, 35_651_584, 2_139_095_040),
    samples("6.2", 186, 35_651_584, 4_278_190_080),
];

/// Sides are at most the root of eight times the picture (A.4.1).
const fn samples(name: &'static str, code: u32, picture: u64, rate: u64) -> Level {
    let side = (8 * picture).isqrt() as u32;
    Level::new(name, code, picture, (side, side), rate)
}

struct X265;

impl Encoder for X265 {
    fn check(&self, recipe: &Recipe, format: &VideoFormat) -> Result<(), Error> {
        let codec = &recipe.codec;
        check_progressive(format, "x265 codes the fields of interlaced pictures apart")?;
        check_bounds(codec.coding, format.resolution, LEAST_SIDE, MOST_SIDES)?;
        check_subsampling(format)?;
        profile::check(codec, &format.pixel_format)?;
        level::check(codec, format, BLOCK)?;
        recipe
            .buffer
            .map_or(Ok(()), |buffer| hevc_level::check(codec, format, buffer))
    }

    fn args(&self, recipe: &Recipe, format: &VideoFormat, plan: &ChunkPlan) -> Vec<String> {
        let (codec, rate) = (&recipe.codec, recipe.rate_control);
        let mut args = words(["-c:v", "libx265", "-preset", codec.preset]);
        args.extend(option("-tune", codec.tune));
        args.extend(option("-profile:v", codec.profile.map(|p| p.name)));
        if let RateControl::Crf(crf) = rate {
            args.extend(words(["-crf", &crf.to_string()]));
        }
        args.extend(words(["-pix_fmt", format.pixel_format.as_str()]));
        args.extend(colour(format));
        args.extend(words(["-x265-params", &params(recipe, format, plan)]));
        args
    }
}

/// Peaks that are not bounded: x265 gives no chunk more than its level allows.
const PEAK: u64 = 4;

/// x265 finds one itself, but where bits are asked for.
fn level_name(recipe: &Recipe, format: &VideoFormat) -> Option<&'static str> {
    let least = |peak| hevc_level::least(format.resolution, format.frame_rate, peak);
    let asked = recipe.codec.level.map(|level| level.name);
    asked.or_else(|| peak::of(recipe, PEAK).map(least))
}

/// A worker has one processor: neither pools nor frames nor rows beside one another, which are what
/// the bytes could depend on. No note of the version, which would differ from build to build.
fn params(recipe: &Recipe, format: &VideoFormat, plan: &ChunkPlan) -> String {
    let shape = format.sample_aspect_ratio.as_rational();
    let mut params = vec![
        "log-level=error:info=0:pools=none:frame-threads=1:wpp=0:lookahead-slices=0".to_owned(),
        format!("open-gop=0:{}:high-tier=0", key_frames(recipe, plan)),
        // A colon within a value is told apart by a backslash.
        format!(r"sar={}\:{}", shape.numerator(), shape.denominator()),
    ];
    params.extend(level_name(recipe, format).map(|level| format!("level-idc={level}")));
    if recipe.rate_control == RateControl::Lossless {
        params.push("lossless=1".into());
    }
    let hdr = format.hdr;
    params.extend(
        hdr.mastering_display
            .map(|display| format!("master-display={display}")),
    );
    params.extend(hdr.content_light.map(|light| format!("max-cll={light}")));
    params.join(":")
}

/// Intra pictures within the least interval are none with which decoding can begin.
fn key_frames(recipe: &Recipe, plan: &ChunkPlan) -> String {
    match (recipe.chunking.aligned_access, longest(plan)) {
        (false, _) => "keyint=250".into(),
        (true, longest) => format!("keyint={longest}:min-keyint={longest}"),
    }
}
