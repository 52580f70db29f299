//! AV1: what comes out looks like what went in, frame by frame.

use std::path::Path;

use corpus::Clip;
use serde_json::{Value, json};

use crate::stages::{Encoded, encode, ready};

/// AV1 of this depth in this container, in chunks of about 50 frames.
fn recipe(bit_depth: u32, container: &str) -> Value {
    json!({
        "codec": {"format": "CODEC_FORMAT_AV1", "preset": "12", "bitDepth": bit_depth},
        "rateControl": {"crf": 30},
        "chunkingDirectives": {"frames": 50},
        "container": container,
    })
}

/// PSNR, in dB, of each frame of `encoded` against the frame of `source` so many places later.
fn psnr(encoded: &Path, source: &Path, later: u32) -> Vec<f64> {
    let (encoded, source) = (encoded.display().to_string(), source.display().to_string());
    let compared = format!(
        "[0:v]settb=1,setpts=N,format=yuv420p[a];\
         [1:v]trim=start_frame={later},settb=1,setpts=N,format=yuv420p[b];\
         [a][b]psnr=shortest=1:stats_file=-"
    );
    let args = ["-nostdin", "-v", "error", "-i", &encoded, "-i", &source];
    let args = args
        .into_iter()
        .chain(["-lavfi", &compared, "-f", "null", "/dev/null"]);
    let out = String::from_utf8(corpus::run("ffmpeg", args).unwrap()).unwrap();
    let value = |line: &str| {
        line.split("psnr_y:")
            .nth(1)?
            .split(' ')
            .next()?
            .parse()
            .ok()
    };
    out.lines().filter_map(value).collect()
}

/// Every frame is like the source's of the same index, and less like the next one.
fn assert_alike(source: &Path, encoded: &Encoded, frames: usize) {
    let video = encoded.video();
    let (same, next) = (psnr(&video, source, 0), psnr(&video, source, 1));
    assert_eq!(same.len(), frames);
    assert!(same.iter().all(|db| *db > 28.0), "{same:?}");
    let unlike = next.iter().zip(&same).position(|(next, same)| next >= same);
    assert_eq!(unlike, None, "{same:?} {next:?}");
}

/// Indices of the packets at which decoding can start.
fn key_frames(video: &Path) -> Vec<u64> {
    let path = video.display().to_string();
    let args = [
        "-v",
        "error",
        "-select_streams",
        "v:0",
        "-show_entries",
        "packet=flags",
    ];
    let args = args.into_iter().chain(["-of", "csv=p=0", &path]);
    let out = String::from_utf8(corpus::run("ffprobe", args).unwrap()).unwrap();
    let keys = (0..)
        .zip(out.lines())
        .filter(|(_, flags)| flags.starts_with('K'));
    keys.map(|(index, _)| index).collect()
}

fn starts(encoded: &Encoded) -> Vec<u64> {
    let elements = encoded.folder.path().join("split/output/elements.ndjson");
    let lines = std::fs::read_to_string(elements).unwrap();
    let start = |line: &str| serde_json::from_str::<Value>(line).unwrap()["start"].as_u64();
    lines.lines().filter_map(start).collect()
}

fn assert_encoded(bit_depth: u32, container: &str) -> Encoded {
    let source = corpus::clip(Clip::Plain).unwrap();
    let encoded = encode(&source, &recipe(bit_depth, container)).unwrap();
    assert!(
        encoded.validated.is_ok(),
        "{container}: {:?}",
        encoded.validated
    );
    assert_eq!(encoded.split["frames"], 150);
    assert_alike(&source, &encoded, 150);
    let starts = starts(&encoded);
    assert_eq!(starts.len(), 3, "{starts:?}");
    assert_eq!(key_frames(&encoded.video()), starts, "{container}");
    encoded
}

#[test]
fn eight_bits_in_mp4() {
    if ready() {
        assert_encoded(8, "CONTAINER_MP4");
    }
}

#[test]
fn ten_bits_in_matroska() {
    if ready() {
        assert_encoded(10, "CONTAINER_MKV");
    }
}

#[test]
fn the_sources_bits_in_webm_and_the_same_bytes_twice() {
    if ready() {
        let twice = [(); 2].map(|()| assert_encoded(0, "CONTAINER_WEBM").bytes());
        assert!(twice[0] == twice[1]);
    }
}

#[test]
fn ten_bits_as_an_elementary_stream() {
    if ready() {
        let encoded = assert_encoded(10, "CONTAINER_ELEMENTARY");
        // A temporal delimiter, then the sequence header.
        assert_eq!(encoded.bytes()[..3], [0x12, 0, 0x0a]);
    }
}

#[test]
fn colour_is_in_the_bitstream_itself() {
    if !ready() {
        return;
    }
    let source = corpus::clip(Clip::HighBitDepth).unwrap();
    // The validator compares colour, and here only the bitstream can tell it.
    let encoded = encode(&source, &recipe(0, "CONTAINER_ELEMENTARY")).unwrap();
    assert!(encoded.validated.is_ok(), "{:?}", encoded.validated);
    assert_alike(&source, &encoded, 100);
}

#[test]
fn times_of_a_variable_rate_are_kept() {
    if !ready() {
        return;
    }
    let source = corpus::clip(Clip::Vfr).unwrap();
    for container in ["CONTAINER_MP4", "CONTAINER_WEBM"] {
        let encoded = encode(&source, &recipe(0, container)).unwrap();
        assert!(
            encoded.validated.is_ok(),
            "{container}: {:?}",
            encoded.validated
        );
    }
}

#[test]
fn tiny_inputs() {
    if !ready() {
        return;
    }
    for frames in [1, 2, 7] {
        let source = corpus::clip(Clip::Tiny(frames)).unwrap();
        let mut recipe = recipe(0, "CONTAINER_MP4");
        recipe["chunkingDirectives"] = json!({"frames": 3});
        let encoded = encode(&source, &recipe).unwrap();
        assert!(
            encoded.validated.is_ok(),
            "{frames}: {:?}",
            encoded.validated
        );
    }
}

#[test]
fn a_level_that_is_asked_for_is_told() {
    if !ready() {
        return;
    }
    let source = corpus::clip(Clip::Tiny(7)).unwrap();
    let mut recipe = recipe(0, "CONTAINER_MP4");
    recipe["codec"]["level"] = json!("4.1");
    let encoded = encode(&source, &recipe).unwrap();
    let bytes = encoded.bytes();
    let at = bytes
        .windows(4)
        .position(|window| window == b"av1C")
        .unwrap();
    // seq_level_idx of level X.Y is 4 * (X - 2) + Y.
    assert_eq!(bytes[at + 5] & 0x1f, 9);
}
