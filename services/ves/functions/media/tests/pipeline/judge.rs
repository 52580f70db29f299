//! Whether a file is what was asked for, read off the file itself.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;
use stratum_frames::FrameTable;
use ves_api::recipe::{Container, ResolvedRecipe};
use video::{
    ColourDescription, Matrix, PixelFormat, Primaries, Range, Rational, Rotation,
    SampleAspectRatio, ScanType, Transfer,
};

use crate::stages::Encoded;

/// What ffprobe says of a track.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Stream {
    codec_type: String,
    codec_name: String,
    width: u32,
    height: u32,
    sample_aspect_ratio: String,
    pix_fmt: String,
    color_range: String,
    color_space: String,
    color_transfer: String,
    color_primaries: String,
    field_order: String,
    time_base: String,
    duration_ts: i64,
    side_data_list: Vec<SideData>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SideData {
    /// Degrees anticlockwise.
    rotation: i64,
}

#[derive(Deserialize)]
struct Streams {
    streams: Vec<Stream>,
}

/// Every frame decodes cleanly and is shown when the source's is, in the format and beside the
/// tracks that were promised.
pub(crate) fn accept(encoded: &Encoded) {
    let split = |name: &str| fs::read(encoded.folder.path().join("split/output").join(name));
    let table = FrameTable::decode(&split("frames.table").unwrap()).unwrap();
    let recipe = ResolvedRecipe::from_json(&split("recipe.json").unwrap()).unwrap();
    let (video, container) = (encoded.video(), recipe.recipe.container);
    let streams = streams(&video);
    let others = encoded.assembled["other_tracks"].as_u64().unwrap();
    assert_eq!(streams.len() as u64, 1 + others, "tracks of {streams:?}");
    let stream = streams.iter().find(|s| s.codec_type == "video").unwrap();
    check_format(stream, &recipe);
    assert_eq!(frames_decoded(&video), table.len());
    let packets = packets(&video);
    assert_eq!(packets.len() as u64, table.len());
    if container != Container::Elementary {
        let times: Vec<i64> = packets.iter().map(|pts| pts.parse().unwrap()).collect();
        check_times(times, stream, &table, container);
    }
}

fn check_format(stream: &Stream, recipe: &ResolvedRecipe) {
    let expected = &recipe.format;
    assert_eq!(stream.codec_name, recipe.recipe.codec.ffprobe_name());
    let size = video::Resolution::new(stream.width, stream.height);
    assert_eq!(size.unwrap(), expected.resolution);
    // ffmpeg names full-range layouts apart; range is compared by itself.
    let layout = stream.pix_fmt.replacen("yuvj", "yuv", 1);
    assert_eq!(layout, expected.pixel_format.to_string());
    let anticlockwise: i64 = stream.side_data_list.iter().map(|data| data.rotation).sum();
    let rotation = Rotation::from_degrees(-anticlockwise);
    assert_eq!(rotation, Some(expected.rotation));
    let scan = ScanType::from_ffprobe(&stream.field_order);
    assert_eq!(
        scan.is_interlaced(),
        expected.scan_type.is_interlaced(),
        "{scan:?}"
    );
    check_shape(stream, recipe);
    check_colour(stream, &expected.colour);
}

/// To the digit in MP4; Matroska tells the size on the screen in whole pixels, a bitstream one of
/// few shapes, and AV1 none.
fn check_shape(stream: &Stream, recipe: &ResolvedRecipe) {
    let expected = recipe.format.sample_aspect_ratio;
    let found = match stream.sample_aspect_ratio.as_str() {
        "" | "0:1" | "N/A" => SampleAspectRatio::SQUARE.to_string(),
        shape => shape.to_owned(),
    };
    if recipe.recipe.container == Container::Mp4 {
        return assert_eq!(found, expected.to_string());
    }
    let width = |shape: Rational| shape.round_mul(stream.width.into()).unwrap();
    let found = width(found.replace(':', "/").parse().unwrap());
    let exact = width(expected.as_rational());
    let tolerance = exact.unsigned_abs() / 255 + 1;
    assert!(found.abs_diff(exact) <= tolerance, "{found} for {exact}");
}

fn check_colour(stream: &Stream, expected: &ColourDescription) {
    let implied = PixelFormat::new(stream.pix_fmt.as_str()).is_some_and(|p| p.implies_full_range());
    let full = implied || Range::from_ffprobe(&stream.color_range) == Range::Full;
    assert_eq!(full, expected.range == Range::Full, "range");
    let found = (
        Primaries::from_ffprobe(&stream.color_primaries).code(),
        Transfer::from_ffprobe(&stream.color_transfer).code(),
        Matrix::from_ffprobe(&stream.color_space).code(),
    );
    let expected = (
        expected.primaries.code(),
        expected.transfer.code(),
        expected.matrix.code(),
    );
    assert_eq!(found, expected, "primaries, transfer and matrix");
}

/// Distances from the first frame are the frame table's: to the tick, or in Matroska to the
/// nearest millisecond.
fn check_times(mut found: Vec<i64>, stream: &Stream, table: &FrameTable, container: Container) {
    found.sort_unstable();
    let tick: Rational = stream.time_base.parse().unwrap();
    let source_tick = table.source().format.time_base.as_rational();
    let ratio = source_tick.checked_div(tick).unwrap();
    let (ticks, of) = (
        i128::from(ratio.numerator()),
        i128::from(ratio.denominator()),
    );
    let exact = container == Container::Mp4;
    // Both in parts of a tick of the file: `of` of them make one.
    let same = |found: i64, expected: i64| {
        let off = i128::from(found) * of - i128::from(expected) * ticks;
        off == 0 || !exact && off.abs() * 2 <= of
    };
    let expected: Vec<i64> = table.range(0, table.len()).map(|frame| frame.pts).collect();
    let (first, last) = (expected[0], expected[expected.len() - 1]);
    for (index, (pts, expected)) in found.iter().zip(&expected).enumerate() {
        let (since, right) = (pts - found[0], expected - first);
        assert!(same(since, right), "frame {index}: {since} × {tick} s");
    }
    if exact {
        let length = last - first + table.duration(table.len() - 1).unwrap_or(1);
        assert!(same(stream.duration_ts, length), "{stream:?}");
    }
}

/// Decodes everything and tolerates nothing.
fn frames_decoded(video: &Path) -> u64 {
    let before = "-nostdin -v error -xerror -err_detect explode -i";
    let after = "-map 0:v:0 -fps_mode passthrough -enc_time_base -1 -f framemd5 -";
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(before.split(' ')).arg(video);
    let done = ffmpeg.args(after.split(' ')).output().unwrap();
    let log = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && log.is_empty(), "{log}");
    let lines = String::from_utf8(done.stdout).unwrap();
    lines.lines().filter(|line| !line.starts_with('#')).count() as u64
}

fn streams(video: &Path) -> Vec<Stream> {
    let json = ffprobe(video, "-of json -show_streams");
    serde_json::from_str::<Streams>(&json).unwrap().streams
}

/// When each packet of the video is presented, in ticks; none is hidden.
fn packets(video: &Path) -> Vec<String> {
    let packets = ffprobe(
        video,
        "-of json -select_streams v:0 -show_entries packet=pts,flags",
    );
    let packets: Value = serde_json::from_str(&packets).unwrap();
    let pts = |packet: &Value| {
        assert!(!packet["flags"].as_str().unwrap().contains('D'), "{packet}");
        packet["pts"].to_string()
    };
    packets["packets"]
        .as_array()
        .unwrap()
        .iter()
        .map(pts)
        .collect()
}

fn ffprobe(video: &Path, options: &str) -> String {
    let video = video.display().to_string();
    let args = ["-v", "error"].into_iter().chain(options.split(' '));
    String::from_utf8(corpus::run("ffprobe", args.chain([&*video])).unwrap()).unwrap()
}
