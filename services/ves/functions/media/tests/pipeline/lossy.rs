//! Where samples change, what comes out looks like what went in, frame by frame.

use std::path::Path;

use corpus::Clip;
use serde_json::{Value, json};

use crate::judge;
use crate::stages::{Encoded, encode, ready};

/// By a quick preset, at a depth, in a container, in chunks of about 50 frames.
fn recipe((format, preset): Coding, bit_depth: u32, container: &str) -> Value {
    json!({
        "codec": {"format": format, "preset": preset, "bitDepth": bit_depth},
        "rateControl": {"crf": 30},
        "chunkingDirectives": {"frames": 50},
        "container": container,
    })
}

/// A coding format, and a quick preset of its encoder.
type Coding = (&'static str, &'static str);

const HEVC: Coding = ("CODEC_FORMAT_HEVC", "ultrafast");
const VP9: Coding = ("CODEC_FORMAT_VP9", "5");
const AV1: Coding = ("CODEC_FORMAT_AV1", "12");

/// PSNR, in dB, of each frame of `encoded` against the frame of `source` so many places later.
fn psnr(encoded: &Path, source: &Path, later: u32) -> Vec<f64> {
    psnr_by("ffmpeg", encoded, source, later)
}

/// The same, as this ffmpeg decodes them.
pub(crate) fn psnr_by(tool: &str, encoded: &Path, source: &Path, later: u32) -> Vec<f64> {
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
    let out = String::from_utf8(corpus::run(tool, args).unwrap()).unwrap();
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
pub(crate) fn key_frames(video: &Path) -> Vec<u64> {
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

pub(crate) fn starts(encoded: &Encoded) -> Vec<u64> {
    let elements = encoded.folder.path().join("split/output/elements.ndjson");
    let lines = std::fs::read_to_string(elements).unwrap();
    let start = |line: &str| serde_json::from_str::<Value>(line).unwrap()["start"].as_u64();
    lines.lines().filter_map(start).collect()
}

fn assert_encoded(coding: Coding, bit_depth: u32, container: &str) -> Encoded {
    let source = corpus::clip(Clip::Plain).unwrap();
    let encoded = encode(&source, &recipe(coding, bit_depth, container)).unwrap();
    judge::accept(&encoded);
    assert_eq!(encoded.split["frames"], 150);
    assert_alike(&source, &encoded, 150);
    let starts = starts(&encoded);
    assert_eq!(starts.len(), 3, "{starts:?}");
    let keys = key_frames(&encoded.video());
    assert!(starts.iter().all(|start| keys.contains(start)), "{keys:?}");
    encoded
}

macro_rules! codings {
    ($($name:ident: $coding:expr, in $containers:expr;)+) => { $(
        mod $name {
            use super::*;

            #[test]
            fn frames_are_alike_in_every_container_at_either_depth() {
                for (container, bit_depth) in $containers.into_iter().zip([8, 10, 0, 10]) {
                    if ready() {
                        assert_encoded($coding, bit_depth, container);
                    }
                }
            }

            #[test]
            fn the_same_recipe_gives_the_same_bytes() {
                if ready() {
                    let mp4 = || assert_encoded($coding, 0, "CONTAINER_MP4").bytes();
                    assert!(mp4() == mp4());
                }
            }

            #[test]
            fn times_of_a_variable_rate_are_kept() {
                let source = || corpus::clip(Clip::Vfr).unwrap();
                for container in $containers.into_iter().take(2).filter(|_| ready()) {
                    judge::accept(&encode(&source(), &recipe($coding, 0, container)).unwrap());
                }
            }

            #[test]
            fn tiny_inputs() {
                for frames in [1, 2, 7].into_iter().filter(|_| ready()) {
                    let source = corpus::clip(Clip::Tiny(frames)).unwrap();
                    let mut recipe = recipe($coding, 0, "CONTAINER_MP4");
                    recipe["chunkingDirectives"] = json!({"frames": 3});
                    judge::accept(&encode(&source, &recipe).unwrap());
                }
            }
        }
    )+ };
}

codings! {
    hevc: HEVC, in ["CONTAINER_MP4", "CONTAINER_MKV", "CONTAINER_ELEMENTARY"];
    av1: AV1, in ["CONTAINER_MP4", "CONTAINER_WEBM", "CONTAINER_IVF", "CONTAINER_ELEMENTARY"];
    vp9: VP9, in ["CONTAINER_MP4", "CONTAINER_WEBM", "CONTAINER_MKV", "CONTAINER_IVF"];
}

#[test]
fn colour_is_in_the_bitstream_itself() {
    for coding in [HEVC, AV1].into_iter().filter(|_| ready()) {
        // The judge compares colour, and here only the bitstream can tell it.
        let source = corpus::clip(Clip::HighBitDepth).unwrap();
        let encoded = encode(&source, &recipe(coding, 0, "CONTAINER_ELEMENTARY")).unwrap();
        judge::accept(&encoded);
        assert_alike(&source, &encoded, 100);
    }
}

#[test]
fn vp9_tells_colour_in_its_container() {
    if ready() {
        let source = corpus::clip(Clip::HighBitDepth).unwrap();
        for container in ["CONTAINER_MP4", "CONTAINER_WEBM"] {
            judge::accept(&encode(&source, &recipe(VP9, 0, container)).unwrap());
        }
    }
}

#[test]
fn a_chunk_of_av1_has_one_key_frame() {
    if ready() {
        let encoded = assert_encoded(AV1, 10, "CONTAINER_MP4");
        assert_eq!(key_frames(&encoded.video()), starts(&encoded));
    }
}

/// The byte so many places behind the name of a box.
fn byte_of_box(coding: Coding, level: &str, kind: &[u8; 4], place: usize) -> u8 {
    let source = corpus::clip(Clip::Tiny(7)).unwrap();
    let mut recipe = recipe(coding, 0, "CONTAINER_MP4");
    recipe["codec"]["level"] = json!(level);
    let bytes = encode(&source, &recipe).unwrap().bytes();
    let at = bytes.windows(4).position(|window| window == kind).unwrap();
    bytes[at + 4 + place]
}

#[test]
fn a_level_that_is_asked_for_is_told() {
    if ready() {
        // seq_level_idx of level X.Y is 4 * (X - 2) + Y.
        assert_eq!(byte_of_box(AV1, "4.1", b"av1C", 1) & 0x1f, 9);
        // general_level_idc is 30 * X + 3 * Y.
        assert_eq!(byte_of_box(HEVC, "4.1", b"hvcC", 12), 123);
        // The least of a small picture, which no bitstream tells.
        assert_eq!(byte_of_box(VP9, "4.1", b"vpcC", 5), 11);
    }
}
