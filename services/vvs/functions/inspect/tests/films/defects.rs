//! Planted defects are found, each where it is, and nothing else is told.

use std::fs;
use std::path::{Path, PathBuf};

use vvs_api::expect::Expectations;
use vvs_api::function::{PlanParams, Segment};
use vvs_api::report::{
    ACCESS_POINT_EXTRA, ACCESS_POINT_MISSING, BLACK_FRAMES, Discrepancy, FOREIGN_FRAMES,
    FRAME_DOUBLED, FRAME_MISSING, FRAMES_SHIFTED, FRAMES_SWAPPED, FROZEN_FRAMES, HIDDEN_FRAMES,
    LEVEL_EXCEEDED, QUALITY_STEP, RARE_ACCESS, Report, SIZE_CHANGES, UNCLEAN_DECODE, WRONG_CODEC,
    WRONG_DURATION, WRONG_FRAME_COUNT, WRONG_MATRIX, WRONG_PIXEL_FORMAT, WRONG_PIXEL_SHAPE,
    WRONG_PRIMARIES, WRONG_PROFILE, WRONG_RANGE, WRONG_ROTATION, WRONG_SCAN, WRONG_SIZE,
    WRONG_TIMESTAMPS, WRONG_TRACKS, WRONG_TRANSFER,
};

use crate::encode::{AVC, encode, reordered, run};
use crate::source::{Film, film, moving};
use crate::stages::{Validated, inspect_one, ready, validate, validate_in};

/// A code, and the frames it concerns.
type Told = (&'static str, Option<(u64, u64)>);

/// What was found, and what follows from it.
fn all(report: &Report) -> impl Iterator<Item = &Discrepancy> {
    let causes = report.discrepancies.iter();
    causes.flat_map(|one| [one].into_iter().chain(&one.consequences))
}

fn told(report: &Report) -> Vec<(String, Option<(u64, u64)>)> {
    let mut told: Vec<_> = all(report)
        .map(|one| {
            (
                one.code.clone(),
                one.frames.map(|frames| (frames.start, frames.end)),
            )
        })
        .collect();
    told.sort();
    told
}

fn assert_told(name: &str, report: &Report, expected: &[Told]) {
    let mut expected: Vec<_> = expected
        .iter()
        .map(|(code, frames)| ((*code).to_owned(), *frames))
        .collect();
    expected.sort();
    assert_eq!(
        told(report),
        expected,
        "{name}: {:#?}",
        report.discrepancies
    );
}

/// All of it is told, and so many of it is a cause, not a consequence.
fn check_causes(film: &Film, name: &str, video: &Path, expected: &[Told], causes: u64) {
    let (prints, table) = (&film.prints, film.table_file());
    let validated = validate(video, Some(prints), Some(&table), &film.expected()).unwrap();
    assert_told(name, &validated.report, expected);
    let report = &validated.report;
    assert_eq!(report.discrepancy_count, causes, "{name}: {report:#?}");
}

fn check(film: &Film, name: &str, video: &Path, expected: &[Told]) {
    check_causes(film, name, video, expected, expected.len() as u64);
}

const fn at(start: u64, end: u64) -> Option<(u64, u64)> {
    Some((start, end))
}

/// What else is told of a video of 120 frames that has so many.
fn length(frames: u64) -> [Told; 3] {
    let range = at(frames.min(120), frames.max(120));
    [
        (WRONG_FRAME_COUNT, range),
        (WRONG_TIMESTAMPS, range),
        (WRONG_DURATION, None),
    ]
}

/// `causes` are told by themselves, all else below them.
fn check_order(film: &Film, name: &str, ranges: &[(u64, u64)], causes: u64, expected: &[Told]) {
    let args = format!("{AVC} -crf 23");
    let video = reordered(film, &format!("{name}.mp4"), ranges, &args);
    let frames = ranges.iter().map(|(start, end)| end - start).sum();
    let mut expected = expected.to_vec();
    if frames != 120 {
        expected.extend(length(frames));
    }
    check_causes(film, name, &video, &expected, causes);
}

#[test]
fn frames_that_are_missing_or_doubled() {
    if !ready() {
        return;
    }
    let film = moving();
    check_order(&film, "nothing", &[(0, 50), (50, 120)], 0, &[]);
    let dropped = [(FRAME_MISSING, at(50, 51)), (FRAMES_SHIFTED, at(50, 119))];
    check_order(&film, "one dropped", &[(0, 50), (51, 120)], 1, &dropped);
    let dropped = [(FRAME_MISSING, at(50, 55)), (FRAMES_SHIFTED, at(50, 115))];
    check_order(&film, "five dropped", &[(0, 50), (55, 120)], 1, &dropped);
    let doubled = [(FRAME_DOUBLED, at(50, 51)), (FRAMES_SHIFTED, at(51, 121))];
    check_order(&film, "one doubled", &[(0, 50), (49, 120)], 1, &doubled);
    let first = [(FRAME_MISSING, at(0, 1)), (FRAMES_SHIFTED, at(0, 119))];
    check_order(&film, "first missing", &[(1, 120)], 1, &first);
    check_order(
        &film,
        "last missing",
        &[(0, 119)],
        1,
        &[(FRAME_MISSING, at(119, 120))],
    );
    check_order(
        &film,
        "last doubled",
        &[(0, 120), (119, 120)],
        1,
        &[(FRAME_DOUBLED, at(120, 121))],
    );
}

#[test]
fn frames_in_the_wrong_order() {
    if !ready() {
        return;
    }
    let film = moving();
    let swapped = [(0, 50), (51, 52), (50, 51), (52, 120)];
    check_order(
        &film,
        "swapped",
        &swapped,
        1,
        &[(FRAMES_SWAPPED, at(50, 52))],
    );
    let seam = [(FRAME_DOUBLED, at(60, 61)), (FRAME_MISSING, at(60, 61))];
    check_order(
        &film,
        "off by one at a seam",
        &[(0, 60), (59, 60), (61, 120)],
        1,
        &seam,
    );
    let late = [
        (FRAME_MISSING, at(30, 31)),
        (FRAMES_SHIFTED, at(30, 59)),
        (FRAME_DOUBLED, at(59, 60)),
    ];
    check_order(
        &film,
        "a chunk one late",
        &[(0, 30), (31, 61), (60, 120)],
        2,
        &late,
    );
    let reversed = [(FRAMES_SHIFTED, at(30, 60)), (FRAMES_SHIFTED, at(60, 90))];
    check_order(
        &film,
        "chunks reversed",
        &[(0, 30), (60, 90), (30, 60), (90, 120)],
        2,
        &reversed,
    );
}

#[test]
fn chunks_that_are_missing_doubled_or_replaced() {
    if !ready() {
        return;
    }
    let film = moving();
    let missing = [(FRAME_MISSING, at(30, 60)), (FRAMES_SHIFTED, at(30, 90))];
    check_order(&film, "chunk missing", &[(0, 30), (60, 120)], 1, &missing);
    let doubled = [(FRAME_DOUBLED, at(60, 90)), (FRAMES_SHIFTED, at(90, 150))];
    check_order(&film, "chunk doubled", &[(0, 60), (30, 120)], 1, &doubled);
    let replaced = [(FRAME_DOUBLED, at(60, 90)), (FRAME_MISSING, at(60, 90))];
    check_order(
        &film,
        "chunk replaced",
        &[(0, 60), (30, 60), (90, 120)],
        1,
        &replaced,
    );
}

fn check_encode(film: &Film, name: &str, args: &str, expected: &[Told]) {
    check(
        film,
        name,
        &encode(film, &format!("{name}.mp4"), args),
        expected,
    );
}

#[test]
fn pictures_from_elsewhere() {
    if !ready() {
        return;
    }
    let film = moving();
    let black = format!("-vf drawbox=color=black:t=fill:enable='between(n,70,79)' {AVC}");
    check_encode(&film, "black", &black, &[(BLACK_FRAMES, at(70, 80))]);
    let frozen = format!(
        "-filter_complex [0:v]split[a][b];[a][b]freezeframes=first=50:last=69:replace=49 {AVC}"
    );
    check_encode(&film, "frozen", &frozen, &[(FROZEN_FRAMES, at(50, 70))]);
    let slate = format!("-vf drawbox=color=0x408040:t=fill:enable='between(n,40,59)' {AVC}");
    check_encode(&film, "slate", &slate, &[(FROZEN_FRAMES, at(40, 60))]);
    let other = self::film(
        "mandelbrot=s=320x180:r=30000/1001",
        "-pix_fmt yuv420p -frames:v 120",
    );
    let wrong = encode(&other, "wrong.mp4", AVC);
    check(
        &film,
        "another film",
        &wrong,
        &[(FOREIGN_FRAMES, at(0, 120))],
    );
}

#[test]
fn a_gap_where_frames_are_missing() {
    if !ready() {
        return;
    }
    let film = moving();
    let args = format!("-vf select=not(between(n\\,50\\,52)) {AVC} -enc_time_base 1/30000");
    let video = encode(&film, "gap.mp4", &args);
    let times = (WRONG_TIMESTAMPS, at(50, 117));
    let mut expected = vec![
        (FRAME_MISSING, at(50, 53)),
        (FRAMES_SHIFTED, at(50, 117)),
        (WRONG_FRAME_COUNT, at(117, 120)),
        (WRONG_TIMESTAMPS, at(50, 120)),
        times,
    ];
    check_causes(&film, "gap", &video, &expected, 1);
    // One of the frames is late as well, which nothing that is missing explains.
    let late = encode(
        &film,
        "late.mp4",
        &format!("{args} -bsf:v setts=pts=PTS+eq(N\\,90)"),
    );
    expected.retain(|one| *one != times);
    expected.push((WRONG_TIMESTAMPS, at(50, 117)));
    check_causes(&film, "late", &late, &expected, 2);
}

#[test]
fn random_access_points_that_are_too_far_apart() {
    if !ready() {
        return;
    }
    let film = moving();
    let rare = format!("{AVC} -g 80 -keyint_min 80");
    let expected = [(RARE_ACCESS, at(0, 80)), (RARE_ACCESS, at(80, 120))];
    check_encode(&film, "rare", &rare, &expected);
}

#[test]
fn random_access_points_that_are_elsewhere() {
    if !ready() {
        return;
    }
    let film = moving();
    let video = encode(&film, "rare.mp4", &format!("{AVC} -g 40 -keyint_min 40"));
    let of = |points: &[u64], frame_count| {
        let expected = Expectations {
            access_points: Some(points.to_vec()),
            frame_count,
            ..Expectations::default()
        };
        let validated = validate(&video, None, None, &expected).unwrap();
        told(&validated.report)
    };
    assert_eq!(of(&[0, 40, 80], None), []);
    let elsewhere = (ACCESS_POINT_MISSING.to_owned(), at(30, 61));
    assert_eq!(of(&[0, 30, 60, 80], Some(120)), [elsewhere]);
    let only = Expectations {
        access_points: Some(vec![0, 40]),
        access_only: true,
        ..Expectations::default()
    };
    let validated = validate(&video, None, None, &only).unwrap();
    let extra = (ACCESS_POINT_EXTRA.to_owned(), at(80, 81));
    assert_eq!(told(&validated.report), [extra]);
    // Behind frames that are missing all are somewhere else: that is told by itself.
    let missing = of(&[0, 30, 60], Some(121));
    assert!(missing.iter().all(|(code, _)| code == WRONG_FRAME_COUNT));
}

#[test]
fn a_chunk_of_worse_quality() {
    if !ready() {
        return;
    }
    let film = moving();
    let worse = format!("{AVC} -crf 23 -x264-params zones=30,59,q=45");
    check_encode(&film, "worse", &worse, &[(QUALITY_STEP, at(30, 60))]);
}

#[test]
fn wrong_pictures_and_wrong_colours() {
    if !ready() {
        return;
    }
    let film = moving();
    for (name, args, code) in [
        ("shape", format!("-vf setsar=4/3 {AVC}"), WRONG_PIXEL_SHAPE),
        (
            "primaries",
            format!("{AVC} -color_primaries bt2020"),
            WRONG_PRIMARIES,
        ),
        (
            "transfer",
            format!("{AVC} -color_trc smpte2084"),
            WRONG_TRANSFER,
        ),
        (
            "matrix",
            format!("{AVC} -colorspace bt2020nc"),
            WRONG_MATRIX,
        ),
        (
            "range",
            format!("-vf setparams=range=pc {AVC}"),
            WRONG_RANGE,
        ),
        ("size", format!("-vf scale=352:198 {AVC}"), WRONG_SIZE),
    ] {
        check_encode(&film, name, &args, &[(code, None)]);
    }
}

const VP9: &str =
    "-c:v libvpx-vp9 -g 30 -deadline realtime -cpu-used 8 -video_track_timescale 30000";

#[test]
fn wrong_formats() {
    if !ready() {
        return;
    }
    let film = moving();
    for (name, args, code) in [
        ("444", format!("-pix_fmt yuv444p {AVC}"), WRONG_PIXEL_FORMAT),
        (
            "10bit",
            format!("-pix_fmt yuv420p10le {AVC}"),
            WRONG_PIXEL_FORMAT,
        ),
        (
            "scan",
            format!("-vf setfield=tff -flags +ildct+ilme {AVC}"),
            WRONG_SCAN,
        ),
        ("level", format!("{AVC} -level 5.1"), LEVEL_EXCEEDED),
        ("vp9", VP9.into(), WRONG_CODEC),
    ] {
        check_encode(&film, name, &args, &[(code, None)]);
    }
    let mut expected = film.expected();
    expected.format.as_mut().unwrap().profile = Some("High".into());
    let video = encode(&film, "profile.mp4", AVC);
    let found = validate(
        &video,
        Some(&film.prints),
        Some(&film.table_file()),
        &expected,
    )
    .unwrap();
    assert_told("profile", &found.report, &[(WRONG_PROFILE, None)]);
}

#[test]
fn wrong_times() {
    if !ready() {
        return;
    }
    let film = moving();
    let tick = format!("{AVC} -bsf:v setts=pts=PTS+eq(N\\,70)");
    check_encode(&film, "one tick", &tick, &[(WRONG_TIMESTAMPS, at(70, 71))]);
    let rate = format!("-vf setpts=N/25/TB -r 25 {AVC}");
    let slow = [(WRONG_TIMESTAMPS, at(1, 120)), (WRONG_DURATION, None)];
    check_encode(&film, "25 a second", &rate, &slow);
    let last = format!("{AVC} -bsf:v setts=duration=DURATION+3*eq(N\\,119)");
    check_encode(&film, "last frame", &last, &[(WRONG_DURATION, None)]);
}

#[test]
fn wrong_tracks_and_how_they_are_shown() {
    if !ready() {
        return;
    }
    let film = moving();
    let audio = format!("-filter_complex sine=d=4[a] -map 0:v -map [a] -c:a aac {AVC}");
    check_encode(&film, "audio", &audio, &[(WRONG_TRACKS, None)]);
    let good = encode(&film, "good.mp4", &format!("{AVC} -crf 23"));
    let copy = |name: &str, before: &str, after: &str| {
        let to = film.folder().join(name);
        run(
            &format!("{before} -i {} -c copy {after}", good.display()),
            &to,
        );
        to
    };
    let turned = copy("turned.mp4", "", "-metadata:s:v:0 rotate=90");
    check(&film, "turned", &turned, &[(WRONG_ROTATION, None)]);
    // The edit list begins ten frames late; decoding still begins with the first.
    let hidden = copy("hidden.mp4", "-ss 0.34", "");
    let expected = [
        (HIDDEN_FRAMES, None),
        (FRAME_MISSING, at(0, 11)),
        (FRAMES_SHIFTED, at(0, 109)),
    ];
    let expected = [&expected[..], &length(109)].concat();
    // The edit list is cut to the millisecond, not to a frame: the duration is a matter of its own.
    check_causes(&film, "hidden", &hidden, &expected, 2);
    let mut expected = film.expected();
    expected.other_tracks = Some(1);
    let found = validate(
        &good,
        Some(&film.prints),
        Some(&film.table_file()),
        &expected,
    )
    .unwrap();
    assert_told("no audio", &found.report, &[(WRONG_TRACKS, None)]);
}

/// Where each packet of a file is: position and size.
fn packets(video: &Path) -> Vec<(usize, usize)> {
    let args = "-v error -select_streams v:0 -show_entries packet=pos,size -of csv=p=0";
    let video = video.display().to_string();
    let args = args.split(' ').chain([video.as_str()]);
    let text = String::from_utf8(corpus::run("ffprobe", args).unwrap()).unwrap();
    let mut packets: Vec<(usize, usize)> = text
        .lines()
        .filter_map(|line| {
            let (size, position) = line.trim_end_matches(',').split_once(',')?;
            Some((position.parse().ok()?, size.parse().ok()?))
        })
        .collect();
    packets.sort_unstable();
    packets
}

/// A copy of a video in which the packet of a frame is damaged.
fn damaged(video: &Path, frame: usize) -> PathBuf {
    let mut bytes = fs::read(video).unwrap();
    let (position, size) = packets(video)[frame];
    let inside = &mut bytes[position + size / 3..position + size];
    for (n, byte) in inside.iter_mut().enumerate() {
        *byte = (n * 151 % 251) as u8;
    }
    let to = video.with_extension("damaged.mp4");
    fs::write(&to, bytes).unwrap();
    to
}

/// The frames of the one discrepancy of this code.
fn only(report: &Report, code: &str) -> (u64, u64) {
    let mut all = all(report).filter(|one| one.code == code);
    let frames = all
        .next()
        .unwrap_or_else(|| panic!("{code}: {report:#?}"))
        .frames
        .unwrap();
    assert!(all.next().is_none(), "{code}: {report:#?}");
    (frames.start, frames.end)
}

#[test]
fn damaged_and_cut_off_files() {
    if !ready() {
        return;
    }
    let film = moving();
    let good = encode(
        &film,
        "good.mp4",
        &format!("{AVC} -crf 23 -movflags +faststart"),
    );
    let validated = |video: &Path| -> Validated {
        validate(
            video,
            Some(&film.prints),
            Some(&film.table_file()),
            &film.expected(),
        )
        .unwrap()
    };
    let report = validated(&damaged(&good, 70)).report;
    let (start, end) = only(&report, UNCLEAN_DECODE);
    assert!(
        (69..=70).contains(&start) && (71..=90).contains(&end),
        "{report:#?}"
    );

    let bytes = fs::read(&good).unwrap();
    let (position, size) = packets(&good)[90];
    let cut = good.with_extension("cut.mp4");
    fs::write(&cut, &bytes[..position + size / 2]).unwrap();
    let report = validated(&cut).report;
    // Half of frame 90 is there, too little to be decoded.
    let (start, end) = only(&report, UNCLEAN_DECODE);
    assert!((89..=90).contains(&start) && end == 120, "{report:#?}");
    assert_eq!(only(&report, WRONG_FRAME_COUNT), (90, 120), "{report:#?}");
    assert_eq!(only(&report, FRAME_MISSING), (91, 120), "{report:#?}");
    assert_eq!(only(&report, WRONG_TIMESTAMPS), (91, 120), "{report:#?}");
}

#[test]
fn the_size_changes_on_the_way() {
    if !ready() {
        return;
    }
    let clip = corpus::clip(corpus::Clip::ResolutionChangeTs).unwrap();
    let mut expected = moving().expected();
    expected.format = None;
    (
        expected.same_frames,
        expected.timestamps,
        expected.boundaries,
    ) = (false, false, None);
    let report = validate(&clip, None, None, &expected).unwrap().report;
    assert_eq!(only(&report, SIZE_CHANGES), (60, 120));
}

/// Three segments of 120, 120 and 60 frames.
fn long() -> Film {
    film("testsrc2=s=160x90:r=10", "-frames:v 300")
}

#[test]
fn defects_on_the_borders_of_segments() {
    if !ready() {
        return;
    }
    let film = long();
    let args = "-c:v libx264 -preset ultrafast -crf 23 -g 30 -video_track_timescale 30000";
    let validated = |video: &Path| -> Validated {
        let mut expected = film.expected();
        (expected.timestamps, expected.frame_count) = (false, None);
        let params = PlanParams {
            segment_frames: Some(120),
        };
        validate_in(params, video, Some(&film.prints), None, &expected).unwrap()
    };
    type Case<'a> = (&'a str, &'a [(u64, u64)], &'a [Told]);
    let cases: [Case<'_>; 3] = [
        ("nothing", &[(0, 120), (120, 300)], &[]),
        (
            "dropped",
            &[(0, 120), (121, 300)],
            &[
                (FRAME_MISSING, at(120, 121)),
                (FRAMES_SHIFTED, at(120, 299)),
            ],
        ),
        (
            "reversed",
            &[(0, 90), (120, 150), (90, 120), (150, 300)],
            &[
                (FRAMES_SHIFTED, at(90, 120)),
                (FRAMES_SHIFTED, at(120, 150)),
            ],
        ),
    ];
    for (name, ranges, expected) in cases {
        let video = reordered(&film, &format!("{name}.mp4"), ranges, args);
        let validated = validated(&video);
        let starts: Vec<u64> = validated
            .segments
            .iter()
            .map(|segment| segment.start)
            .collect();
        assert_eq!(starts[..2], [0, 120], "{name}");
        assert!(
            validated.inspected[1..]
                .iter()
                .all(|inspected| !inspected.linear)
        );
        assert_told(name, &validated.report, expected);
    }
    // Only what is damaged is decoded from the start.
    let good = encode(&film, "good.mp4", args);
    let validated = validated(&damaged(&good, 200));
    let linear: Vec<bool> = validated
        .inspected
        .iter()
        .map(|inspected| inspected.linear)
        .collect();
    assert_eq!(linear, [true, true, false]);
    let (start, end) = only(&validated.report, UNCLEAN_DECODE);
    assert!((199..=200).contains(&start) && (201..=210).contains(&end));
}

#[test]
fn a_segment_that_cannot_be_sought_is_reached_from_the_start() {
    if !ready() {
        return;
    }
    let film = moving();
    let good = encode(&film, "good.mp4", &format!("{AVC} -crf 23"));
    let segment = |start: u64, end: u64, sought: i64| Segment {
        index: 0,
        start,
        end,
        seek_us: Some(sought * 1001 * 1000 / 30),
        timed: true,
    };
    for (segment, linear) in [
        (segment(60, 90, 60), false),
        // To a frame that is no random access point, and behind the segment.
        (segment(50, 80, 50), true),
        (segment(60, 90, 100), true),
    ] {
        let inspected = inspect_one(&good, &film.prints, segment).unwrap();
        assert_eq!(
            (inspected.frames, inspected.linear),
            (30, linear),
            "{segment:?}"
        );
    }
}
