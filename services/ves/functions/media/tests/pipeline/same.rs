//! What comes out is what went in.

use std::path::Path;

use corpus::{Clip, Frame};
use serde_json::Value;
use video::Rational;

use crate::judge;
use crate::stages::{Encoded, encode, lossless, lossless_by, ready};

fn time_base(path: &Path) -> Rational {
    let args = [
        "-v",
        "error",
        "-select_streams",
        "v:0",
        "-show_entries",
        "stream=time_base",
    ];
    let path = path.display().to_string();
    let args = args.into_iter().chain(["-of", "csv=p=0", path.as_str()]);
    let out = String::from_utf8(corpus::run("ffprobe", args).unwrap()).unwrap();
    // A transport stream tells its tracks twice.
    out.lines()
        .find(|line| !line.is_empty())
        .unwrap()
        .trim_matches(',')
        .parse()
        .unwrap()
}

/// Times since the first frame, in seconds.
fn times(frames: &[Frame], base: Rational) -> Vec<Rational> {
    let since = |frame: &Frame| Rational::whole(frame.pts - frames[0].pts);
    frames
        .iter()
        .map(|frame| since(frame).checked_mul(base).unwrap())
        .collect()
}

fn assert_same(clip: Clip, recipe: &Value) -> Encoded {
    let source = corpus::clip(clip).unwrap();
    let encoded = encode(&source, recipe).unwrap_or_else(|e| panic!("{clip:?}: {e}"));
    judge::accept(&encoded);
    let (before, after) = (
        corpus::frames(&source).unwrap(),
        corpus::frames(&encoded.video()).unwrap(),
    );
    assert_eq!(before.len(), after.len(), "{clip:?}");
    let hashes = |frames: &[Frame]| frames.iter().map(|f| f.md5.clone()).collect::<Vec<_>>();
    assert!(
        hashes(&before) == hashes(&after),
        "{clip:?}: samples differ"
    );
    let (before, after) = (
        times(&before, time_base(&source)),
        times(&after, time_base(&encoded.video())),
    );
    assert_eq!(before, after, "{clip:?}");
    encoded
}

macro_rules! same {
    ($($name:ident: $clip:expr, $frames:literal;)+) => { $(
        #[test]
        fn $name() {
            if ready() {
                assert_same($clip, &lossless($frames));
            }
        }
    )+ };
}

same! {
    open_gop_avc_in_mp4: Clip::OpenGopAvcMp4, 30;
    open_gop_avc_in_a_transport_stream: Clip::OpenGopAvcTs, 30;
    open_gop_avc_in_matroska: Clip::OpenGopAvcMkv, 30;
    open_gop_hevc_in_a_transport_stream: Clip::OpenGopHevcTs, 30;
    a_variable_frame_rate: Clip::Vfr, 40;
    an_edit_list: Clip::EditList, 30;
    a_delayed_start: Clip::DelayedStart, 50;
    negative_composition_offsets: Clip::NegativeCtts, 50;
    timestamps_that_wrap: Clip::PtsWrapTs, 50;
    odd_sizes_without_subsampling: Clip::OddSize, 20;
    ten_bits_of_422_with_hdr10_colour: Clip::HighBitDepth, 40;
    hidden_frames_of_vp9: Clip::Vp9Webm, 40;
    a_turned_picture: Clip::Rotated, 60;
    interlaced_and_anamorphic: Clip::InterlacedMpegPs, 30;
    one_frame: Clip::Tiny(1), 30;
    two_chunks_of_one_frame: Clip::Tiny(2), 1;
    three_chunks_of_few_frames: Clip::Tiny(7), 3;
}

/// By a coding format that is not the clip's, at three lengths of chunks.
macro_rules! same_by {
    ($format:literal, $preset:literal; $($name:ident: $clip:expr;)+) => { $(
        #[test]
        fn $name() {
            for frames in [30, 60, 1000].into_iter().filter(|_| ready()) {
                assert_same($clip, &lossless_by($format, $preset, frames));
            }
        }
    )+ };
}

mod hevc {
    use super::*;

    same_by! { "CODEC_FORMAT_HEVC", "ultrafast";
        open_gop_avc: Clip::OpenGopAvcTs;
        open_gop_hevc: Clip::OpenGopHevcMkv;
        a_variable_frame_rate: Clip::Vfr;
        an_edit_list: Clip::EditList;
        negative_composition_offsets: Clip::NegativeCtts;
        odd_sizes_without_subsampling: Clip::OddSize;
        ten_bits_of_422_with_hdr10_colour: Clip::HighBitDepth;
        hidden_frames_of_vp9: Clip::Vp9Webm;
    }
}

mod vp9 {
    use super::*;

    same_by! { "CODEC_FORMAT_VP9", "5";
        open_gop_avc: Clip::OpenGopAvcTs;
        a_variable_frame_rate: Clip::Vfr;
        odd_sizes_without_subsampling: Clip::OddSize;
        hidden_frames_of_vp9: Clip::Vp9Webm;
    }
}

#[test]
fn the_same_recipe_gives_the_same_bytes() {
    if !ready() {
        return;
    }
    let source = corpus::clip(Clip::WithAudio).unwrap();
    let crf: Value =
        serde_json::json!({"chunkingDirectives": {"frames": 40}, "rateControl": {"crf": 30}});
    let (first, second) = (
        encode(&source, &crf).unwrap(),
        encode(&source, &crf).unwrap(),
    );
    assert_eq!(first.split, second.split);
    assert!(first.bytes() == second.bytes());
}

#[test]
fn the_index_comes_before_the_media() {
    if !ready() {
        return;
    }
    let encoded = encode(&corpus::clip(Clip::Tiny(7)).unwrap(), &lossless(30)).unwrap();
    let bytes = encoded.bytes();
    let find = |kind: &[u8]| bytes.windows(4).position(|window| window == kind).unwrap();
    assert!(find(b"ftyp") < find(b"moov") && find(b"moov") < find(b"mdat"));
}
