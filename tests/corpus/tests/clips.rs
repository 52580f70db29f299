//! Every clip is what it says.
#![allow(clippy::unwrap_used, clippy::panic)]

use corpus::{Clip, clip, frames, have, run, skip};

fn counts(cases: &[(Clip, usize)]) {
    if !have("ffmpeg") {
        return skip("corpus clips", "ffmpeg is not installed");
    }
    for (which, expected) in cases {
        let decoded = frames(&clip(*which).unwrap()).unwrap();
        assert_eq!(decoded.len(), *expected, "{which:?}");
    }
}

#[test]
fn a_clip_is_named_by_a_plain_absolute_path() {
    if !have("ffmpeg") {
        return skip("corpus clips", "ffmpeg is not installed");
    }
    let path = clip(Clip::Tiny(1)).unwrap();
    assert_eq!(path, path.canonicalize().unwrap());
}

#[test]
fn an_odd_size_is_odd() {
    if !have("ffprobe") {
        return skip("corpus clips", "ffprobe is not installed");
    }
    let path = clip(Clip::OddSize).unwrap().display().to_string();
    let size = "-v error -show_entries stream=width,height -of csv=p=0";
    let said = run("ffprobe", size.split(' ').chain([&*path])).unwrap();
    assert_eq!(String::from_utf8_lossy(&said).trim(), "353,287");
}

#[test]
fn avc() {
    counts(&[
        (Clip::Plain, 150),
        (Clip::OpenGopAvcMp4, 200),
        (Clip::OpenGopAvcTs, 200),
        (Clip::OpenGopAvcMkv, 200),
        (Clip::NegativeCtts, 150),
        (Clip::OddSize, 60),
        (Clip::Rotated, 150),
        (Clip::WithAudio, 150),
        (Clip::ManyTracks, 60),
        (Clip::PtsWrapTs, 150),
        (Clip::IntraRefreshTs, 150),
        (Clip::Elementary, 150),
        (Clip::Tiny(1), 1),
        (Clip::Tiny(2), 2),
        (Clip::ResolutionChangeTs, 120),
        (Clip::DelayedStart, 150),
    ]);
}

#[test]
fn other_codecs() {
    counts(&[
        (Clip::OpenGopHevcMp4, 160),
        (Clip::OpenGopHevcTs, 160),
        (Clip::OpenGopHevcMkv, 160),
        (Clip::HighBitDepth, 100),
        (Clip::Vp9Webm, 120),
        (Clip::InterlacedMpegPs, 90),
        (Clip::J2kMov, 24),
        (Clip::J2kMxf, 24),
        (Clip::J2kMkv, 24),
    ]);
}

#[test]
fn an_edit_list_hides_frames_and_a_truncated_file_lacks_some() {
    if !have("ffmpeg") {
        return skip("corpus clips", "ffmpeg is not installed");
    }
    let count = |which| frames(&clip(which).unwrap()).unwrap().len();
    assert_eq!(count(Clip::EditList), 129);
    let truncated = count(Clip::Truncated);
    assert!((50..150).contains(&truncated), "{truncated}");
}

#[test]
fn times_are_irregular_in_a_screen_capture() {
    if !have("ffmpeg") {
        return skip("corpus clips", "ffmpeg is not installed");
    }
    let all = frames(&clip(Clip::Vfr).unwrap()).unwrap();
    let gaps: std::collections::BTreeSet<_> = all.windows(2).map(|w| w[1].pts - w[0].pts).collect();
    assert!(
        gaps.len() >= 3 && gaps.iter().all(|gap| *gap > 0),
        "{gaps:?}"
    );
}
