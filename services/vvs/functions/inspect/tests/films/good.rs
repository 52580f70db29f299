//! Good encodes of all kinds raise nothing.

use corpus::Clip;
use vvs_api::function::PlanParams;

use crate::encode::{AVC, encode};
use crate::source::{Film, film, of};
use crate::stages::{ready, validate, validate_in};

const SLOW: &str = "-g 30 -video_track_timescale 30000";

/// Encodes a film in these ways; all of what can be expected of any must hold.
fn check(film: &Film, encodes: &[(&str, String)]) {
    for (name, args) in encodes {
        let video = encode(film, &format!("{name}.mp4"), args);
        let mut expected = film.expected();
        expected.format = None;
        let (prints, table) = (&film.prints, film.table_file());
        let validated = validate(&video, Some(prints), Some(&table), &expected).unwrap();
        let report = validated.report;
        assert_eq!(report.discrepancies, [], "{name}");
        assert_eq!(report.frames, film.table.len(), "{name}");
    }
}

fn encodes() -> [(&'static str, String); 9] {
    [
        ("crf18", format!("{AVC} -crf 18")),
        (
            "crf28",
            format!("-c:v libx264 -preset veryfast -crf 28 {SLOW}"),
        ),
        (
            "crf38",
            format!("-c:v libx264 -preset medium -crf 38 {SLOW}"),
        ),
        ("crf45", format!("{AVC} -crf 45")),
        ("half", format!("-vf scale=160:90 {AVC} -crf 30")),
        ("double", format!("-vf scale=640:360 {AVC} -crf 36")),
        ("ten bits", format!("-pix_fmt yuv420p10le {AVC} -crf 30")),
        (
            "full range",
            format!("-vf scale=out_range=full {AVC} -crf 24"),
        ),
        ("av1", format!("-c:v libsvtav1 -preset 12 -crf 45 {SLOW}")),
    ]
}

/// One in so many of the encodes, from the one at `first`.
fn some(first: usize, step: usize) -> Vec<(&'static str, String)> {
    encodes().into_iter().skip(first).step_by(step).collect()
}

macro_rules! good {
    ($($name:ident: $generator:literal, $more:literal, $encodes:expr;)+) => { $(
        #[test]
        fn $name() {
            if ready() {
                check(&film($generator, $more), &$encodes);
            }
        }
    )+ };
}

good! {
    a_moving_picture: "testsrc2=s=320x180:r=30000/1001", "-frames:v 120", some(0, 2);
    a_moving_picture_again: "testsrc2=s=320x180:r=30000/1001", "-frames:v 120", some(1, 2);
    noise: "testsrc2=s=320x180:r=25", "-vf noise=alls=40:allf=t -frames:v 90", some(0, 3);
    nothing_but_noise: "life=s=320x180:r=25:mold=10:ratio=0.2:seed=7",
        "-pix_fmt yuv420p -frames:v 60", some(2, 3);
    a_still: "smptebars=s=320x180:r=25", "-frames:v 120", some(0, 3);
    fades: "smptehdbars=s=320x180:r=25", "-vf fade=in:0:60,fade=out:80:40 -frames:v 120",
        some(1, 2);
    fades_of_movement: "testsrc2=s=320x180:r=25",
        "-vf fade=in:30:20,fade=out:80:30 -frames:v 120", some(0, 3);
    flashes: "testsrc2=s=320x180:r=25",
        "-vf drawbox=color=white:t=fill:enable='eq(mod(n,20),7)' -frames:v 90", some(1, 3);
    slow_gradients: "gradients=s=320x180:r=25:speed=0.01", "-frames:v 120", some(1, 3);
    a_zoom: "mandelbrot=s=320x180:r=25", "-pix_fmt yuv420p -frames:v 90", some(2, 3);
    one_frame: "testsrc2=s=320x180:r=25", "-frames:v 1", some(0, 4);
    two_frames: "testsrc2=s=320x180:r=25", "-frames:v 2", some(1, 4);
    three_frames: "testsrc2=s=320x180:r=25", "-frames:v 3", some(2, 4);
    a_variable_rate: "testsrc2=s=320x180:r=30000/1001",
        "-vf select='not(eq(mod(n,7),3))*not(between(mod(n,97),40,66))' -fps_mode vfr \
         -enc_time_base 1/30000 -frames:v 100", some(0, 4);
    pictures_smaller_than_the_grid: "testsrc2=s=16x16:r=25", "-frames:v 60", some(0, 7);
}

/// A hard clip is its own good encode, decoded in segments of 30 frames.
fn check_itself(clip: Clip, timed: bool) {
    let path = corpus::clip(clip).unwrap();
    let film = of(path.clone(), tempfile::tempdir().unwrap());
    let mut expected = film.expected();
    (expected.format, expected.access_frames) = (None, None);
    expected.other_tracks = Some(film.table.source().other_tracks.len() as u64);
    let hidden = film.table.packets().iter().any(|packet| !packet.shown);
    let params = PlanParams {
        segment_frames: Some(30),
    };
    let table = film.table_file();
    expected.timestamps = timed;
    let validated =
        validate_in(params, &path, Some(&film.prints), Some(&table), &expected).unwrap();
    let told = validated.report.discrepancies;
    let is_known = |code: &str| hidden && code == "HIDDEN_FRAMES";
    let told: Vec<_> = told.iter().filter(|one| !is_known(&one.code)).collect();
    assert!(told.is_empty(), "{clip:?}: {told:#?}");
}

macro_rules! itself {
    ($($name:ident: $clip:expr, $timed:literal;)+) => { $(
        #[test]
        fn $name() {
            if ready() {
                check_itself($clip, $timed);
            }
        }
    )+ };
}

itself! {
    open_gop_avc_in_mp4: Clip::OpenGopAvcMp4, true;
    open_gop_avc_in_a_transport_stream: Clip::OpenGopAvcTs, true;
    open_gop_avc_in_matroska: Clip::OpenGopAvcMkv, true;
    open_gop_hevc_in_mp4: Clip::OpenGopHevcMp4, true;
    open_gop_hevc_in_a_transport_stream: Clip::OpenGopHevcTs, true;
    hidden_frames_of_vp9: Clip::Vp9Webm, true;
    an_edit_list: Clip::EditList, true;
    a_delayed_start: Clip::DelayedStart, true;
    timestamps_that_wrap: Clip::PtsWrapTs, true;
    intra_refresh: Clip::IntraRefreshTs, true;
    ten_bits_of_422: Clip::HighBitDepth, true;
    odd_sizes: Clip::OddSize, true;
    interlaced: Clip::InterlacedMpegPs, true;
    pictures_in_quicktime: Clip::J2kMov, true;
    no_timestamps_at_all: Clip::Elementary, false;
    with_audio: Clip::WithAudio, true;
}
