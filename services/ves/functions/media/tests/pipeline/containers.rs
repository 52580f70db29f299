//! The same frames and tracks in every container that can hold them.

use std::path::Path;

use corpus::Clip;
use serde_json::{Value, json};

use crate::stages::{Encoded, encode, lossless, ready};

fn within(container: &str, mut recipe: Value) -> Value {
    recipe["container"] = json!(container);
    recipe
}

fn assert_same_frames(clip: Clip, container: &str) -> Encoded {
    let source = corpus::clip(clip).unwrap();
    let encoded = encode(&source, &within(container, lossless(40))).unwrap();
    assert!(
        encoded.validated.is_ok(),
        "{clip:?}: {:?}",
        encoded.validated
    );
    let (before, after) = (
        corpus::framemd5(&source).unwrap(),
        corpus::framemd5(&encoded.video()).unwrap(),
    );
    assert!(before == after, "{clip:?}: samples differ");
    encoded
}

#[test]
fn reordered_and_irregular_frames_in_matroska() {
    if ready() {
        for clip in [Clip::Plain, Clip::Vfr, Clip::OpenGopAvcTs] {
            assert_same_frames(clip, "CONTAINER_MKV");
        }
    }
}

#[test]
fn h264_as_an_elementary_stream() {
    if ready() {
        let encoded = assert_same_frames(Clip::WithAudio, "CONTAINER_ELEMENTARY");
        assert_eq!(encoded.assembled["other_tracks"], 0);
        assert_eq!(encoded.assembled["warnings"], json!([]));
    }
}

#[test]
fn interlaced_and_anamorphic_in_matroska() {
    if ready() {
        assert_same_frames(Clip::InterlacedMpegPs, "CONTAINER_MKV");
    }
}

#[test]
fn matroska_is_the_same_bytes_twice() {
    if ready() {
        let twice = [(); 2].map(|()| assert_same_frames(Clip::WithAudio, "CONTAINER_MKV").bytes());
        assert!(twice[0] == twice[1]);
    }
}

#[test]
fn a_turned_picture_is_refused_where_it_could_not_be_told() {
    if !ready() {
        return;
    }
    let source = corpus::clip(Clip::Rotated).unwrap();
    let error = encode(&source, &within("CONTAINER_MKV", lossless(60)))
        .err()
        .unwrap();
    assert_eq!(
        (&error["class"], &error["field"]),
        (&json!("user"), &json!("recipe.container"))
    );
    assert_eq!(error["hint"], "use CONTAINER_MP4");
}

/// Hash of every packet of the audio track of this number.
fn packets(path: &Path, track: &str) -> Vec<String> {
    let path = path.display().to_string();
    let args = [
        "-nostdin", "-v", "error", "-i", &path, "-map", track, "-c", "copy",
    ];
    let args = args.into_iter().chain(["-f", "framemd5", "-"]);
    let out = String::from_utf8(corpus::run("ffmpeg", args).unwrap()).unwrap();
    let lines = out.lines().filter(|line| !line.starts_with('#'));
    let hash = |line: &str| line.split(',').nth(5).map(|hash| hash.trim().to_owned());
    lines.filter_map(hash).collect()
}

/// By how many seconds the first packet of a track is presented after the first frame.
fn distance(path: &Path, track: &str) -> f64 {
    let start = |stream: &str| {
        let path = path.display().to_string();
        let args = [
            "-v",
            "error",
            "-select_streams",
            stream,
            "-show_entries",
            "packet=pts_time",
        ];
        let args = args.into_iter().chain(["-of", "csv=p=0", &path]);
        let out = String::from_utf8(corpus::run("ffprobe", args).unwrap()).unwrap();
        let times = out
            .lines()
            .filter_map(|line| line.trim_matches(',').parse::<f64>().ok());
        times.fold(f64::INFINITY, f64::min)
    };
    start(track) - start("v:0")
}

fn av1(container: &str) -> Value {
    let codec = json!({"format": "CODEC_FORMAT_AV1", "preset": "13"});
    json!({"codec": codec, "chunkingDirectives": {"frames": 33}, "container": container})
}

#[test]
fn audio_of_many_kinds_is_kept_whole_and_in_step() {
    if !ready() {
        return;
    }
    let source = corpus::clip(Clip::ManyTracks).unwrap();
    for (container, kept) in [
        ("CONTAINER_MP4", &[0, 1, 2, 3][..]),
        ("CONTAINER_MKV", &[0, 1, 2, 3]),
        ("CONTAINER_WEBM", &[0]),
    ] {
        let encoded = encode(&source, &av1(container)).unwrap();
        assert!(
            encoded.validated.is_ok(),
            "{container}: {:?}",
            encoded.validated
        );
        let warnings = encoded.assembled["warnings"].as_array().unwrap();
        assert_eq!(warnings.len(), 4 - kept.len(), "{container}: {warnings:?}");
        for (now, before) in kept.iter().enumerate() {
            let tracks = (format!("0:a:{now}"), format!("0:a:{before}"));
            assert!(
                packets(&encoded.video(), &tracks.0) == packets(&source, &tracks.1),
                "{container}: audio track {before} differs"
            );
            let tracks = (format!("a:{now}"), format!("a:{before}"));
            let drift = distance(&encoded.video(), &tracks.0) - distance(&source, &tracks.1);
            // One tick of Matroska.
            assert!(
                drift.abs() <= 0.001_001,
                "{container}: track {before}: {drift} s"
            );
        }
    }
}

#[test]
fn priming_before_the_first_frame_stays_before_it() {
    if !ready() {
        return;
    }
    let source = corpus::clip(Clip::WithAudio).unwrap();
    let encoded = encode(&source, &within("CONTAINER_MKV", lossless(60))).unwrap();
    assert!(encoded.validated.is_ok(), "{:?}", encoded.validated);
    let drift = distance(&encoded.video(), "a:0") - distance(&source, "a:0");
    assert!(drift.abs() <= 0.001_001, "{drift} s");
    assert!(packets(&encoded.video(), "0:a:0") == packets(&source, "0:a:0"));
}
