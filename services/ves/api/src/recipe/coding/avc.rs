//! AVC (ITU-T H.264): what x264 is told, and what it cannot do.

use errors::Error;
use video::{Range, ScanType, VideoFormat};

use super::args::{check_subsampling, longest, option, words};
use super::profile::{ALL_CHROMA, UP_TO_420, UP_TO_422, YUV420};
use super::{
    Encoder, Ffmpeg, Level, Lossless, Passes, Profile, RateFactors, avc_level, level, peak, profile,
};
use crate::recipe::{ChunkPlan, Codec, Coding, Container, RateControl, Recipe};
use crate::wire;

pub(super) static AVC: Coding = Coding {
    name: "avc",
    title: "H.264",
    encoder: "x264",
    ffmpeg: Ffmpeg::usual("libx264"),
    format: wire::CodecFormat::CODEC_FORMAT_AVC,
    ffprobe_name: "h264",
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
        Profile::new("baseline", "Constrained Baseline", YUV420, (8, 8)),
        Profile::new("main", "Main", YUV420, (8, 8)),
        Profile::new("high", "High", UP_TO_420, (8, 8)),
        Profile::new("high10", "High 10", UP_TO_420, (8, 10)),
        Profile::new("high422", "High 4:2:2", UP_TO_422, (8, 10)),
        LOSSLESS_PROFILE,
    ],
    levels: &LEVELS,
    tunes: &[
        "film",
        "animation",
        "grain",
        "stillimage",
        "psnr",
        "ssim",
        "fastdecode",
        "zerolatency",
    ],
    rate_factors: RateFactors {
        // Any below it codes 8 bits without loss, in a profile of its own: only 0 asks for that.
        least: 1_000,
        most: 51_000,
        step: 1,
        usual: 23_000,
        lossless: Lossless::AtZero,
    },
    passes: Some(&Passes {
        first: "-pass 1",
        second: "-pass 2",
        buffer: Some("-maxrate -bufsize -rc_init_occupancy"),
    }),
    meets_quality: true,
    containers: &[Container::Mp4, Container::Mkv, Container::Elementary],
    extensions: &["264", "h264", "avc"],
    tells_pixel_shape: true,
    tells_static_hdr: true,
    spec: &X264,
};

const LOSSLESS_PROFILE: Profile =
    Profile::new("high444", "High 4:4:4 Predictive", ALL_CHROMA, (8, 10));

/// Sides of a macroblock.
pub(super) const BLOCK: u32 = 16;

/// Table A-1 of the standard, in macroblocks: of a picture, and of a second.
static LEVELS: [Level; 20] = [
    macroblocks("1", 10, 99, 1_485),
    macroblocks("1b", 11, 99, 1_485),
    macroblocks("1.1", 11, 396, 3_000),
    macroblocks("1.2", 12, 396, 6_000),
    macroblocks("1.3", 13, 396, 11_880),
    macroblocks("2", 20, 396, 11_880),
    macroblocks("2.1", 21, 792, 19_800),
    macroblocks("2.2", 22, 1_620, 20_250),
    macroblocks("3", 30, 1_620, 40_500),
    macroblocks("3.1", 31, 3_600, 108_000),
    macroblocks("3.2", 32, 5_120, 216_000),
    macroblocks("4", 40, 8_192, 245_760),
    macroblocks("4.1", 41, 8_192, 245_760),
    macroblocks("4.2", 42, 8_704, 522_240),
    macroblocks("5", 50, 22_080, 589_824),
    macroblocks("5.1", 51, 36_864, 983_040),
    macroblocks("5.2", 52, 36_864, 2_073_600),
    macroblocks("6", 60, 139_264, 4_177_920),
    macroblocks("6.1", 61, 139_264, 8_355_840),
    macroblocks("6.2", 62, 139_264, 16_711_680),
];

/// Sides are at most the root of eight times the picture (A.3.1).
const fn macroblocks(name: &'static str, code: u32, picture: u64, rate: u64) -> Level {
    let side = (8 * picture).isqrt() as u32 * BLOCK;
    Level::new(name, code, picture * 256, (side, side), rate * 256)
}

struct X264;

impl Encoder for X264 {
    fn agree(&self, codec: &Codec, rate: RateControl) -> Result<(), Error> {
        let lossy = codec.profile.is_some_and(|p| *p != LOSSLESS_PROFILE);
        if !(rate == RateControl::Lossless && lossy) {
            return Ok(());
        }
        let why = "only the profile high444 is lossless";
        Err(Error::user("IMPOSSIBLE_COMBINATION", why)
            .at("recipe.codec.profile")
            .hint("leave the profile out, or use a constant rate factor"))
    }

    fn check(&self, recipe: &Recipe, format: &VideoFormat) -> Result<(), Error> {
        let codec = &recipe.codec;
        check_subsampling(format)?;
        profile::check(codec, &format.pixel_format)?;
        level::check(codec, format, BLOCK)?;
        recipe
            .buffer
            .map_or(Ok(()), |buffer| avc_level::check(codec, format, buffer))
    }

    fn args(&self, recipe: &Recipe, format: &VideoFormat, plan: &ChunkPlan) -> Vec<String> {
        let (codec, rate) = (&recipe.codec, recipe.rate_control);
        let mut args = words(["-c:v", "libx264", "-threads", "1", "-preset", codec.preset]);
        args.extend(option("-tune", codec.tune));
        args.extend(option("-profile:v", codec.profile.map(|p| p.name)));
        args.extend(option("-level:v", level_name(recipe, format)));
        args.extend(match rate {
            RateControl::Crf(crf) => words(["-crf", &crf.to_string()]),
            RateControl::Lossless => words(["-qp", "0"]),
            // Each pass over a chunk has its own.
            RateControl::Bitrate(_) | RateControl::Quality(_) => vec![],
        });
        args.extend(words(["-pix_fmt", format.pixel_format.as_str()]));
        args.extend(words(["-x264-params", &x264_params(recipe, format, plan)]));
        args
    }
}

/// As x264 reckons of a whole file whose peaks are not bounded.
const PEAK: u64 = 2;

/// x264 finds one itself, but for a bitrate.
fn level_name(recipe: &Recipe, format: &VideoFormat) -> Option<&'static str> {
    let codec = &recipe.codec;
    let least = |peak| avc_level::least(codec, format.resolution, format.frame_rate, peak);
    let asked = codec.level.map(|level| level.name);
    asked.or_else(|| peak::of(recipe, PEAK).map(least))
}

/// What x264 calls a colour that nobody told.
const UNSPECIFIED: &str = "undef";

/// One thread and no processor-dependent shortcuts give the same bytes everywhere; `stitchable`
/// keeps the parameter sets equal over chunks.
fn x264_params(recipe: &Recipe, format: &VideoFormat, plan: &ChunkPlan) -> String {
    let sar = format.sample_aspect_ratio.as_rational();
    let mut params = vec![
        "threads=1:lookahead-threads=1:sliced-threads=0".to_owned(),
        "cpu-independent=1:stitchable=1:open-gop=0".to_owned(),
        key_frames(recipe, plan),
        format!("sar={sar}"),
    ];
    if recipe.rate_control == RateControl::Lossless {
        // Told a pixel shape, x264 (build 164) forgets to leave this off, and skips blocks that
        // differ by little.
        params.push("fast-pskip=0".into());
    }
    let colour = format.colour;
    let named = [
        ("colorprim", colour.primaries.x264_name()),
        ("transfer", colour.transfer.x264_name()),
        ("colormatrix", colour.matrix.x264_name()),
        ("fullrange", (colour.range == Range::Full).then_some("on")),
    ];
    params.extend(
        named
            .iter()
            .filter_map(|(key, name)| Some((key, (*name)?)))
            .filter(|(_, name)| *name != UNSPECIFIED)
            .map(|(key, name)| format!("{key}={name}")),
    );
    match format.scan_type {
        ScanType::TopFieldFirst => params.push("tff=1".into()),
        ScanType::BottomFieldFirst => params.push("bff=1".into()),
        ScanType::Progressive | ScanType::Unknown => {}
    }
    let hdr = format.hdr;
    params.extend(
        hdr.mastering_display
            .map(|display| format!("mastering-display={display}")),
    );
    params.extend(hdr.content_light.map(|light| format!("cll={light}")));
    params.join(":")
}

/// Intra pictures within the least interval are none with which decoding can begin; with a greatest
/// one, that could be half of it at most.
fn key_frames(recipe: &Recipe, plan: &ChunkPlan) -> String {
    match recipe.chunking.aligned_access {
        false => "keyint=250".into(),
        true => format!("keyint=infinite:min-keyint={}", longest(plan)),
    }
}
