//! What the usual ffmpeg does not know is described and decoded by the one that stands in for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use video::PixelFormat;
use vvs_api::expect::Expectations;
use vvs_api::report::{
    FRAME_MISSING, LEVEL_EXCEEDED, Report, WRONG_CODEC, WRONG_PIXEL_FORMAT, WRONG_PROFILE,
};

use crate::source::{Film, film};
use crate::stages::{ready, validate};

const VVC: &str = "-pix_fmt yuv420p10le -c:v libvvenc -threads 1 -preset faster -qp 32 \
    -video_track_timescale 30000 -vvenc-params \
    verbosity=0:poc0idr=1:decodingrefreshtype=idr_no_radl:intraperiod=32";

/// The tool; says so loudly when it is not there.
fn tool() -> Option<String> {
    ready().then(|| corpus::ffmpeg_vvc("validating VVC"))?
}

/// A moving picture, 70 frames.
fn moving() -> Film {
    film("testsrc2=s=96x64:r=30000/1001", "-frames:v 70")
}

fn encode(tool: &str, film: &Film, name: &str, more: &str) -> PathBuf {
    let to = film.folder().join(name);
    let (from, out) = (film.path.display().to_string(), to.display().to_string());
    let words = format!("-fps_mode passthrough {more} {VVC}");
    let before = ["-nostdin", "-v", "error", "-i", &from];
    let words = before.into_iter().chain(words.split_whitespace());
    corpus::run(tool, words.chain([out.as_str()])).unwrap();
    to
}

fn expected(film: &Film) -> Expectations {
    let mut expected = film.expected();
    if let Some(format) = &mut expected.format {
        format.codec = Some("vvc".into());
        format.profile = Some("Main 10".into());
        // Level 2.0.
        format.max_level = Some(32);
        if let Some(picture) = &mut format.picture {
            picture.pixel_format = PixelFormat::new("yuv420p10le");
        }
    }
    expected.access_frames = Some(32);
    expected.boundaries = Some(vec![0, 32, 64]);
    expected
}

fn report(film: &Film, video: &Path, expected: &Expectations) -> Report {
    let table = film.table_file();
    let found = validate(video, Some(&film.prints), Some(&table), expected);
    found.unwrap().report
}

fn codes(report: &Report) -> Vec<&str> {
    let found = report.discrepancies.iter();
    found.map(|one| one.code.as_str()).collect()
}

#[test]
fn a_good_encode_raises_nothing_and_a_bad_one_what_is_wrong_with_it() {
    let Some(tool) = tool() else { return };
    let film = moving();
    let video = encode(&tool, &film, "good.mp4", "");
    let good = report(&film, &video, &expected(&film));
    assert_eq!((codes(&good), good.frames), (vec![], 70));
    let mut other = expected(&film);
    let format = other.format.as_mut().unwrap();
    (format.codec, format.profile) = (Some("hevc".into()), Some("Main".into()));
    format.max_level = Some(15);
    format.picture.as_mut().unwrap().pixel_format = PixelFormat::new("yuv420p");
    let mut told = codes(&report(&film, &video, &other)).join(" ");
    for code in [
        WRONG_CODEC,
        WRONG_PROFILE,
        LEVEL_EXCEEDED,
        WRONG_PIXEL_FORMAT,
    ] {
        assert!(told.contains(code), "{told}");
        told = told.replacen(code, "", 1);
    }
    assert_eq!(told.trim(), "");
    let dropped = "-vf select=not(eq(n\\,40)),setpts=N*1001/30000/TB";
    let short = encode(&tool, &film, "short.mp4", dropped);
    let short = report(&film, &short, &expected(&film));
    assert_eq!(codes(&short), [FRAME_MISSING], "{short:?}");
}

/// By the program, which is told another tool than the tests have.
fn planned_by(tool: &str, video: &Path) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("input")).unwrap();
    std::os::unix::fs::symlink(video, at("input/video")).unwrap();
    fs::write(
        at("input/expectations.json"),
        json!({"clean_decode": true}).to_string(),
    )
    .unwrap();
    fs::write(at("params.json"), "{}").unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_vvs-inspect"));
    program.arg("plan").current_dir(folder.path());
    program
        .env("COSMOS_TOOL_FFMPEG_VVC", tool)
        .status()
        .unwrap();
    let result = ["output/result.json", "output/error.json"].map(at);
    let told = result.iter().find_map(|path| fs::read(path).ok()).unwrap();
    serde_json::from_slice(&told).unwrap()
}

#[test]
fn without_a_tool_that_knows_the_codec_it_is_told_which_one_would_do() {
    let Some(tool) = tool() else { return };
    let film = moving();
    let video = encode(&tool, &film, "good.mp4", "");
    assert_eq!(planned_by(&tool, &video)["frames"], 70);
    let decoders = corpus::run("ffmpeg", ["-hide_banner", "-decoders"]).unwrap();
    if String::from_utf8_lossy(&decoders).contains(" vvc ") {
        // Whatever is told, the usual one decodes it.
        return assert_eq!(planned_by("ffmpeg", &video)["frames"], 70);
    }
    let told = planned_by("ffmpeg", &video);
    assert_eq!(told["code"], "NO_DECODER", "{told}");
    assert!(
        told["message"].as_str().unwrap().contains("(vvc1)"),
        "{told}"
    );
    assert!(
        told["hint"].as_str().unwrap().contains("ffmpeg-vvc"),
        "{told}"
    );
}
