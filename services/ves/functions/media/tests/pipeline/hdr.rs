//! What HDR10 says of a source is said of its encode: by the container, and by the bitstream wherever
//! decoding can start.

use std::path::Path;
use std::process::Command;

use corpus::Clip;
use serde_json::{Value, json};
use stratum_frames::{HdrHeaders, HdrSideData, TRACE_ACCESS_POINTS};
use video::StaticHdr;

use crate::judge;
use crate::stages::{encode, ready};

/// Of [`Clip::HighBitDepth`], whose bitstream alone tells it.
fn of_the_source() -> StaticHdr {
    let display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)";
    StaticHdr {
        mastering_display: Some(display.parse().unwrap()),
        content_light: Some("1000,400".parse().unwrap()),
    }
}

/// An encode of the clip in chunks of 30 frames, judged.
fn encoded(
    format: &str,
    preset: &str,
    container: &str,
    changes: &Value,
) -> (StaticHdr, Vec<StaticHdr>) {
    let mut recipe = json!({
        "codec": {"format": format, "preset": preset},
        "chunkingDirectives": {"frames": 30, "alignment": "CHUNK_ALIGNMENT_FIXED"},
        "container": container,
    });
    recipe
        .as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    let encoded = encode(&corpus::clip(Clip::HighBitDepth).unwrap(), &recipe).unwrap();
    judge::accept(&encoded);
    (
        of_container(&encoded.video()),
        of_bitstream(&encoded.video()),
    )
}

fn of_container(video: &Path) -> StaticHdr {
    let video = video.display().to_string();
    let args = ["-v", "error", "-of", "json", "-show_streams", &video];
    let json: Value = serde_json::from_slice(&corpus::run("ffprobe", args).unwrap()).unwrap();
    let told = json["streams"][0]["side_data_list"].as_array().cloned();
    let told = told.unwrap_or_default().into_iter();
    let told = told.map(|one| {
        serde_json::from_value::<HdrSideData>(one)
            .unwrap()
            .static_hdr()
    });
    told.fold(StaticHdr::default(), StaticHdr::or)
}

fn of_bitstream(video: &Path) -> Vec<StaticHdr> {
    let after = [
        "-c",
        "copy",
        "-bsf:v",
        TRACE_ACCESS_POINTS,
        "-f",
        "null",
        "-",
    ];
    let mut ffmpeg = Command::new("ffmpeg");
    let done = ffmpeg
        .args(["-nostdin", "-i"])
        .arg(video)
        .args(["-map", "0:v:0"])
        .args(after);
    let log = String::from_utf8(done.output().unwrap().stderr).unwrap();
    let mut headers = HdrHeaders::default();
    log.lines().for_each(|line| headers.line(line));
    headers.packets()
}

#[test]
fn it_is_carried_into_container_and_bitstream() {
    for (format, preset) in [
        ("CODEC_FORMAT_AVC", "ultrafast"),
        ("CODEC_FORMAT_HEVC", "ultrafast"),
        ("CODEC_FORMAT_AV1", "12"),
    ] {
        for container in ["CONTAINER_MP4", "CONTAINER_MKV", "CONTAINER_ELEMENTARY"] {
            if !ready() {
                return;
            }
            let (told, said) = encoded(format, preset, container, &json!({}));
            // 100 frames in chunks of 30.
            assert_eq!(said.len(), 4, "{format} {container}");
            assert!(
                said.iter().all(|hdr| *hdr == of_the_source()),
                "{format} {container}: {said:?}"
            );
            if container != "CONTAINER_ELEMENTARY" {
                assert_eq!(told, of_the_source(), "{format} {container}");
            }
        }
    }
}

#[test]
fn what_the_recipe_says_comes_first() {
    if !ready() {
        return;
    }
    let changes =
        json!({"staticHdr": {"contentLight": {"maxContent": 600, "maxFrameAverage": 90}}});
    let expected = StaticHdr {
        content_light: Some("600,90".parse().unwrap()),
        ..of_the_source()
    };
    let (told, said) = encoded("CODEC_FORMAT_HEVC", "ultrafast", "CONTAINER_MKV", &changes);
    assert_eq!(told, expected);
    assert!(said.iter().all(|hdr| *hdr == expected), "{said:?}");
}

#[test]
fn vp9_leaves_it_to_the_container() {
    for container in ["CONTAINER_MP4", "CONTAINER_WEBM"] {
        if ready() {
            let (told, _) = encoded("CODEC_FORMAT_VP9", "5", container, &json!({}));
            assert_eq!(told, of_the_source(), "{container}");
        }
    }
}
