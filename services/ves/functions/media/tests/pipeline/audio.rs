//! Other tracks are kept whole, and in step.

use std::path::Path;

use corpus::Clip;

use crate::judge;
use crate::stages::{encode, lossless, ready};

/// Hash of every packet of the first audio track.
fn packets(path: &Path) -> Vec<String> {
    let path = path.display().to_string();
    let args = [
        "-nostdin", "-v", "error", "-i", &path, "-map", "0:a:0", "-c", "copy",
    ];
    // Matroska and MP4 hold raw AAC, a transport stream frames it; the decoder does not care.
    let args = args
        .into_iter()
        .chain(["-bsf:a", "aac_adtstoasc", "-f", "framemd5", "-"]);
    let out = String::from_utf8(corpus::run("ffmpeg", args).unwrap()).unwrap();
    let lines = out.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split(',').nth(5))
        .map(|hash| hash.trim().to_owned())
        .collect()
}

/// By how many seconds the first audible sample comes after the first frame.
fn distance(path: &Path) -> f64 {
    let start = |stream: &str| -> f64 {
        let path = path.display().to_string();
        let args = [
            "-v",
            "error",
            "-select_streams",
            stream,
            "-show_entries",
            "stream=start_time",
        ];
        let args = args.into_iter().chain(["-of", "csv=p=0", &path]);
        let out = String::from_utf8(corpus::run("ffprobe", args).unwrap()).unwrap();
        let line = out.lines().find(|line| !line.is_empty()).unwrap();
        line.trim_matches(',').parse().unwrap()
    };
    start("a:0") - start("v:0")
}

#[test]
fn audio_is_copied_whole_and_stays_in_step() {
    if !ready() {
        return;
    }
    for clip in [
        Clip::WithAudio,
        Clip::OpenGopAvcMp4,
        Clip::OpenGopAvcTs,
        Clip::OpenGopAvcMkv,
    ] {
        let source = corpus::clip(clip).unwrap();
        let encoded = encode(&source, &lossless(60)).unwrap();
        judge::accept(&encoded);
        assert_eq!(encoded.assembled["other_tracks"], 1, "{clip:?}");
        assert!(
            packets(&source) == packets(&encoded.video()),
            "{clip:?}: audio differs"
        );
        let drift = distance(&source) - distance(&encoded.video());
        // One tick of Matroska, the coarsest clock.
        assert!(drift.abs() <= 0.001, "{clip:?}: {drift} s");
    }
}
