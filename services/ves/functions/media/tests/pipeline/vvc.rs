//! VVC, which the usual ffmpeg does not decode: judged by the one that encodes it, and what a container
//! tells by ffprobe.

use std::path::{Path, PathBuf};

use corpus::Clip;
use serde_json::{Value, json};
use stratum_frames::FrameTable;

use crate::lossy::{key_frames, psnr_by, starts};
use crate::stages::{Encoded, encode, ready};

/// Frames of the clip, in three chunks.
const FRAMES: usize = 70;
const CHUNK: u32 = 30;

/// The tool; says so loudly when it is not there.
fn tool() -> Option<String> {
    ready().then(|| corpus::ffmpeg_vvc("encoding VVC"))?
}

/// A small moving picture of 8 bits whose colour is told.
fn clip(folder: &Path) -> PathBuf {
    let path = folder.join("source.mkv");
    let to = path.display().to_string();
    let filter = format!("testsrc2=s=96x64:r=24,trim=end_frame={FRAMES},format=yuv420p");
    let args = ["-nostdin", "-v", "error", "-f", "lavfi", "-i", &filter];
    let colour = ["-colorspace", "-color_primaries", "-color_trc"].into_iter();
    let colour = colour.flat_map(|option| [option, "bt709"]);
    let out = ["-c:v", "ffv1", "-bitexact", "-y", &to];
    corpus::run("ffmpeg", args.into_iter().chain(colour).chain(out)).unwrap();
    path
}

fn recipe() -> Value {
    json!({
        "codec": {"format": "CODEC_FORMAT_VVC", "preset": "faster"},
        "rateControl": {"crf": 30},
        "chunkingDirectives": {"frames": CHUNK, "alignment": "CHUNK_ALIGNMENT_FIXED"},
    })
}

/// Samples of each frame, as a strict decode gives them.
fn decoded(tool: &str, video: &Path) -> Vec<String> {
    let video = video.display().to_string();
    let before = [
        "-nostdin",
        "-v",
        "error",
        "-xerror",
        "-err_detect",
        "explode",
    ];
    let after = "-map 0:v:0 -fps_mode passthrough -f framemd5 -";
    let args = before
        .into_iter()
        .chain(["-i", &video])
        .chain(after.split(' '));
    let list = String::from_utf8(corpus::run(tool, args).unwrap()).unwrap();
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.rsplit(',').next())
        .map(|md5| md5.trim().to_owned())
        .collect()
}

/// When each packet is shown, in ticks of the track.
fn times(video: &Path) -> Vec<i64> {
    let video = video.display().to_string();
    let words = "-v error -select_streams v:0 -show_entries packet=pts -of csv=p=0";
    let args = words.split(' ').chain([video.as_str()]);
    let list = String::from_utf8(corpus::run("ffprobe", args).unwrap()).unwrap();
    let mut times: Vec<i64> = list
        .lines()
        .map(|pts| pts.trim_matches(',').parse().unwrap())
        .collect();
    times.sort_unstable();
    times
}

/// Each frame since the first, as the source has them; MP4 has the source's own ticks.
fn assert_shown_as_the_source(encoded: &Encoded) {
    let table = encoded.folder.path().join("split/output/frames.table");
    let table = FrameTable::decode(&std::fs::read(table).unwrap()).unwrap();
    let expected: Vec<i64> = table.range(0, table.len()).map(|frame| frame.pts).collect();
    let found = times(&encoded.video());
    let since = |all: &[i64]| all.iter().map(|pts| pts - all[0]).collect::<Vec<i64>>();
    assert_eq!(since(&found), since(&expected));
}

#[test]
fn frames_are_the_sources_in_order_whatever_the_chunks() {
    let Some(tool) = tool() else { return };
    let folder = tempfile::tempdir().unwrap();
    let source = clip(folder.path());
    let encoded = encode(&source, &recipe()).unwrap();
    assert_eq!(starts(&encoded), [0, 30, 60]);
    assert_eq!(key_frames(&encoded.video()), [0, 30, 60]);
    assert_shown_as_the_source(&encoded);
    assert_eq!(decoded(&tool, &encoded.video()).len(), FRAMES);
    let like = |later| psnr_by(&tool, &encoded.video(), &source, later);
    let (same, next) = (like(0), like(1));
    assert_eq!(same.len(), FRAMES);
    assert!(same.iter().all(|db| *db > 26.0), "{same:?}");
    let unlike = next.iter().zip(&same).position(|(next, same)| next >= same);
    assert_eq!(unlike, None, "{same:?} {next:?}");
    // The stream as ffmpeg sees it; 8 bits became 10.
    assert_eq!(encoded.split["pixel_format"], "yuv420p");
    let told = described(&tool, &encoded.video());
    for word in ["vvc", "vvc1", "yuv420p10le", "tv", "bt709", "96x64"] {
        assert!(told.contains(word), "{word}: {told}");
    }
    assert!(encode(&source, &recipe()).unwrap().bytes() == encoded.bytes());
}

/// The line in which ffmpeg describes the video.
fn described(tool: &str, video: &Path) -> String {
    let video = video.display().to_string();
    let mut ffmpeg = std::process::Command::new(tool);
    ffmpeg.args(["-nostdin", "-hide_banner", "-i", &video]);
    let log = String::from_utf8(ffmpeg.output().unwrap().stderr).unwrap();
    let line = log.lines().find(|line| line.contains("Video: "));
    line.unwrap_or_else(|| panic!("{log}")).to_owned()
}

#[test]
fn chunks_of_any_length_and_frames_of_any_time_are_joined() {
    let Some(tool) = tool() else { return };
    // Whole groups or not, down to a single frame; shapes that are not square.
    for (clip, frames, chunk) in [
        (Clip::Tiny(1), 1, 3),
        (Clip::Tiny(7), 7, 3),
        (Clip::Vfr, 300, 67),
    ] {
        let mut recipe = recipe();
        recipe["resolution"] = json!({"height": 36});
        recipe["chunkingDirectives"]["frames"] = json!(chunk);
        let source = corpus::clip(clip).unwrap();
        let encoded = encode(&source, &recipe).unwrap();
        assert_eq!(encoded.split["frames"], frames, "{clip:?}");
        assert_shown_as_the_source(&encoded);
        assert_eq!(decoded(&tool, &encoded.video()).len() as u64, frames);
        assert_eq!(key_frames(&encoded.video()), starts(&encoded), "{clip:?}");
    }
}

#[test]
fn a_level_that_is_asked_for_is_told() {
    if tool().is_none() {
        return;
    }
    let source = corpus::clip(Clip::Tiny(2)).unwrap();
    let mut recipe = recipe();
    recipe["codec"]["level"] = json!("4.1");
    let bytes = encode(&source, &recipe).unwrap().bytes();
    let at = bytes.windows(4).position(|window| window == b"vvcC");
    // general_level_idc is 16 * X + 3 * Y, ten bytes into the body of the box.
    assert_eq!(bytes[at.unwrap() + 4 + 10], 67);
}
