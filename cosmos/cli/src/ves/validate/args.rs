use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use video::{Matrix, PixelFormat, Primaries, Rational, Rotation, SampleAspectRatio, Transfer};

use crate::ves::bitrate::{BitsPerSecond, BufferBits};
use crate::ves::picture::PictureSize;
use crate::ves::report::DOCUMENTED;
use crate::ves::shared_args::{EXIT_STATUS, ReportArgs, StateArgs};

/// Settings of `ves validate`.
#[derive(Debug, Args)]
#[command(after_help = examples("ves"), after_long_help = in_full("ves"))]
pub(crate) struct ValidateArgs {
    /// Video file to judge, whoever made it; it is only read
    #[arg(value_name = "VIDEO")]
    pub video: PathBuf,

    /// What the video was made of: every frame is compared with it (none missing, doubled, swapped,
    /// shifted or from elsewhere), and when each is shown, to the tick
    #[arg(long, value_name = "FILE")]
    pub source: Option<PathBuf>,

    /// What the video should be, by the names of the contract (vvs/v1), as YAML or JSON
    #[arg(long, value_name = "FILE", help_heading = "Expectations")]
    pub expect: Option<PathBuf>,

    #[command(flatten)]
    pub expected: ExpectedArgs,

    /// Write the answer as a page (HTML) too, with pictures of the frames that differ, and quality
    /// and bit rate over the whole length; it needs nothing beside itself
    #[arg(long, value_name = "FILE")]
    pub page: Option<PathBuf>,

    /// Parts inspected at the same time [default: one per processor]
    #[arg(long, value_name = "N", help_heading = "Running")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub workers: Option<u32>,

    #[command(flatten)]
    pub state: StateArgs,

    #[command(flatten)]
    pub report: ReportArgs,
}

/// What the video should be. What is not told is not looked at.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Expectations")]
pub(crate) struct ExpectedArgs {
    /// Do not compare when frames are shown: for a video that was retimed
    #[arg(long, requires = "source")]
    pub no_timestamps: bool,

    /// First frame of each chunk (0,120,240): no chunk is much worse than its neighbours
    #[arg(
        long,
        value_name = "FRAMES",
        value_delimiter = ',',
        requires = "source"
    )]
    pub boundaries: Vec<u64>,

    /// How many frames are shown
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub frames: Option<u64>,

    /// Coding format: avc, av1, hevc, … (also ffmpeg's names)
    #[arg(long, value_name = "NAME")]
    pub codec: Option<String>,

    /// Profile: baseline, main, high, … (also as ffprobe tells it: "High 4:2:2")
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,

    /// Level, at most: 3.1, 4.1, …
    #[arg(long, value_name = "LEVEL")]
    pub level: Option<Level>,

    /// Size of the picture: 1280x720
    #[arg(long, value_name = "WxH")]
    pub size: Option<PictureSize>,

    /// Sample aspect ratio, the shape of a pixel: 1:1, 32:27
    #[arg(long, value_name = "W:H", value_parser = sample_aspect_ratio)]
    pub sar: Option<SampleAspectRatio>,

    /// Layout of the samples by ffmpeg's name: yuv420p, yuv420p10le
    #[arg(long, value_name = "NAME", value_parser = pixel_format)]
    pub pixel_format: Option<PixelFormat>,

    /// Colour primaries by ffmpeg's name or H.273 code point: bt709, bt2020, 9
    #[arg(long, value_name = "NAME", value_parser = primaries)]
    pub color_primaries: Option<Primaries>,

    /// Transfer characteristics: bt709, smpte2084, arib-std-b67, 16
    #[arg(long, value_name = "NAME", value_parser = transfer)]
    pub color_transfer: Option<Transfer>,

    /// Matrix coefficients: bt709, bt2020nc, 9
    #[arg(long, value_name = "NAME", value_parser = matrix)]
    pub color_matrix: Option<Matrix>,

    /// Range of the samples
    #[arg(long, value_name = "RANGE")]
    pub color_range: Option<ColorRange>,

    /// How lines make up frames
    #[arg(long)]
    pub scan: Option<Scan>,

    /// Clockwise turn for display: 0, 90, 180 or 270 degrees
    #[arg(long, value_name = "DEGREES", value_parser = rotation)]
    pub rotation: Option<Rotation>,

    /// Frames from one random access point to the next, at most
    #[arg(long, value_name = "FRAMES", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_gop: Option<u64>,

    /// Frames with which decoding can begin, whatever other ones there are (0,96,192): where players
    /// change from one rung of a ladder to another
    #[arg(long, value_name = "FRAMES", value_delimiter = ',')]
    pub access_points: Vec<u64>,

    /// Bits in a second by which a decoder that is fed through a buffer has each frame in time, such as
    /// 5M or 800k (VBV, the hypothetical reference decoder)
    #[arg(long, value_name = "RATE")]
    pub max_bitrate: Option<BitsPerSecond>,

    /// Bits that this buffer holds, such as 10M [default: what --max-bitrate brings in a second]
    #[arg(long, value_name = "BITS", requires = "max_bitrate")]
    pub buffer: Option<BufferBits>,

    /// How many tracks there are beside the video
    #[arg(long, value_name = "N")]
    pub other_tracks: Option<u64>,
}

/// Range of the samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorRange {
    #[value(alias = "tv")]
    Limited,
    #[value(alias = "pc")]
    Full,
}

/// How lines make up frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scan {
    Progressive,
    Interlaced,
}

/// A level as people write it: `4`, `4.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level {
    pub major: u32,
    pub minor: u32,
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
        let digit = |part: &str| part.parse().ok().filter(|number| *number < 10);
        digit(major)
            .zip(digit(minor))
            .filter(|(major, _)| *major > 0)
            .map(|(major, minor)| Self { major, minor })
            .ok_or_else(|| format!("`{text}` is not a level; write 3.1 or 4"))
    }
}

fn sample_aspect_ratio(text: &str) -> Result<SampleAspectRatio, String> {
    let ratio: Option<Rational> = text.parse().ok();
    ratio
        .and_then(SampleAspectRatio::new)
        .ok_or_else(|| format!("`{text}` is not a shape; write 1:1 or 32:27"))
}

fn pixel_format(name: &str) -> Result<PixelFormat, String> {
    PixelFormat::new(name).ok_or_else(|| format!("`{name}` is not a layout; write yuv420p10le"))
}

fn rotation(degrees: &str) -> Result<Rotation, String> {
    let read = degrees.parse().ok().and_then(Rotation::from_degrees);
    read.ok_or_else(|| format!("`{degrees}` is not a turn; write 0, 90, 180 or 270"))
}

fn primaries(text: &str) -> Result<Primaries, String> {
    let named = Primaries::from_ffprobe(text);
    match code_point(text, named.code())? {
        Some(code) => Ok(Primaries::from_code(code)),
        None => Ok(named),
    }
}

fn transfer(text: &str) -> Result<Transfer, String> {
    let named = Transfer::from_ffprobe(text);
    match code_point(text, named.code())? {
        Some(code) => Ok(Transfer::from_code(code)),
        None => Ok(named),
    }
}

fn matrix(text: &str) -> Result<Matrix, String> {
    let named = Matrix::from_ffprobe(text);
    match code_point(text, named.code())? {
        Some(code) => Ok(Matrix::from_code(code)),
        None => Ok(named),
    }
}

/// The code point where it was written as a number; `None` where the name is known, as `named`.
fn code_point(text: &str, named: u8) -> Result<Option<u8>, String> {
    match text.parse() {
        Ok(code) => Ok(Some(code)),
        Err(_) if named != Primaries::UNSPECIFIED.code() => Ok(None),
        Err(_) if matches!(text, "unspecified" | "unknown") => Ok(None),
        Err(_) => Err(format!(
            "`{text}` is not known; write ffmpeg's name, such as bt709, or the code point of H.273"
        )),
    }
}

/// What follows the short help of a program with this subcommand.
pub(crate) fn examples(program: &str) -> String {
    EXAMPLES.replace("PROGRAM", program)
}

/// What follows the long one.
pub(crate) fn in_full(program: &str) -> String {
    let examples = examples(program);
    format!("{examples}\n\n{EXPECT}\n\n{EXIT_STATUS}\n\n{DOCUMENTED}")
}

const EXAMPLES: &str = "\
Examples:
  PROGRAM validate out.mp4                          it can be read, and every frame of it decodes
  PROGRAM validate out.mp4 --source film.mkv        and is the frame of the source that it should be
  PROGRAM validate out.mp4 --codec avc --size 1280x720 --sar 1:1 --frames 14315
  PROGRAM validate out.mp4 --max-bitrate 5M --buffer 10M
  PROGRAM validate out.mp4 --source film.mkv --expect delivery.yaml
  PROGRAM validate out.mp4 --source film.mkv --page report.html
  PROGRAM validate out.mp4 --source film.mkv --json | jq '.discrepancies[]?'

Without a source the video is decoded from its first byte to its last: it passes if no decoder
complains and every frame that the container announces comes out. Times are compared as distances
from the first frame, and left out for an elementary stream, which has none.
The answer goes to standard output: PASS, or FAIL with a line for each difference. What follows
from one (behind a missing frame all others are shifted) is told below it and not counted.";

pub(super) const EXPECT: &str = "\
The file of --expect is the list `expectations` of a ValidateRequest, each at most once, and not
what the command line says already. A clean decode, and with --source the same frames at the same
times, are expected without being listed.
  expectations:
    - frame_count: {frames: 14315}
    - format:
        codec: h264                 # ffmpeg's name
        profile: High               # ffprobe's name
        max_level: 41               # as the codec writes it
        video:
          resolution: {width: 1280, height: 720}
          sample_aspect_ratio: {numerator: 1, denominator: 1}
          pixel_format: yuv420p
    - tracks: {others: 1}
    - quality_steps: {boundaries: [0, 240, 480]}
    - random_access: {max_frames: 240, points: [0, 240, 480]}
    - buffer_model: {max_bitrate: 5000000, buffer: 10000000}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_read_as_written() {
        let level = |major, minor| Ok(Level { major, minor });
        assert_eq!("4.1".parse(), level(4, 1));
        assert_eq!("4".parse(), level(4, 0));
        for text in ["", "41", "0", "4.10", "-1", "4.", "high"] {
            assert!(text.parse::<Level>().is_err(), "{text}");
        }
    }

    #[test]
    fn colours_are_names_or_code_points() {
        assert_eq!(primaries("bt2020"), Ok(Primaries::from_code(9)));
        assert_eq!(primaries("9"), Ok(Primaries::from_code(9)));
        assert_eq!(transfer("smpte2084"), Ok(Transfer::from_code(16)));
        assert_eq!(matrix("unknown"), Ok(Matrix::UNSPECIFIED));
        assert!(matrix("bt2200").is_err_and(|why| why.contains("H.273")));
    }

    #[test]
    fn shapes_are_ratios_above_zero() {
        assert_eq!(sample_aspect_ratio("1:1"), Ok(SampleAspectRatio::SQUARE));
        assert!(sample_aspect_ratio("0:1").is_err());
        assert!(sample_aspect_ratio("wide").is_err());
    }
}
