//! From arguments to what VVS is asked to expect.

use std::mem::discriminant;

use blob::BlobRef;
use errors::Error;
use proto::video::v1 as video_wire;
use stratum_frames::SourceInfo;
use ves_api::recipe::{Coding, codings};
use video::{ColourDescription, Range};
use vvs_api::wire;
use wire::expectation::Kind;

use super::args::{ColorRange, ExpectedArgs, Level, Scan};

/// When the frames of the source are shown.
#[derive(Clone)]
pub(super) struct Table {
    pub(super) blob: BlobRef,
    pub(super) frames: u64,
}

/// What is known when expectations are made.
#[derive(Default)]
pub(super) struct Known<'a> {
    /// What the video says of itself, where it can be read.
    pub(super) found: Option<&'a SourceInfo>,
    pub(super) has_source: bool,
    pub(super) table: Option<Table>,
    /// What a file lists; its order is kept, so that problems are told at the file's places.
    pub(super) listed: Vec<wire::Expectation>,
}

/// All that is expected: what is listed, what the arguments say, and what goes without saying.
///
/// # Errors
/// Of class `user`, when something is said twice, or cannot be said in the words of the video's
/// codec; all at once.
pub(super) fn expectations(
    args: &ExpectedArgs,
    known: Known<'_>,
) -> Result<Vec<wire::Expectation>, Vec<Error>> {
    let Known {
        found,
        has_source,
        table,
        mut listed,
    } = known;
    let mut problems = timed(&mut listed, table.as_ref());
    let said = said(args, found).unwrap_or_else(|error| {
        problems.push(error);
        Vec::new()
    });
    for kind in said {
        match place(&listed, &kind) {
            Some(index) => problems.push(told_twice(index)),
            None => listed.push(expectation(kind)),
        }
    }
    for kind in implied(has_source, table) {
        if place(&listed, &kind).is_none() {
            listed.push(expectation(kind));
        }
    }
    match problems.is_empty() {
        true => Ok(listed),
        false => Err(problems),
    }
}

fn expectation(kind: Kind) -> wire::Expectation {
    wire::Expectation {
        kind: Some(kind),
        ..Default::default()
    }
}

/// Where this kind is listed already.
fn place(listed: &[wire::Expectation], kind: &Kind) -> Option<usize> {
    let is_same = |one: &Kind| discriminant(one) == discriminant(kind);
    let kinds = listed.iter().map(|one| one.kind.as_ref());
    kinds.into_iter().position(|one| one.is_some_and(is_same))
}

fn told_twice(index: usize) -> Error {
    Error::user("TOLD_TWICE", "the command line expects the same")
        .at(format!("expectations[{index}]"))
        .hint("say it in one of the two places")
}

/// What the arguments say.
fn said(args: &ExpectedArgs, found: Option<&SourceInfo>) -> Result<Vec<Kind>, Error> {
    let mut kinds: Vec<Kind> = args.frames.map(frame_count).into_iter().collect();
    kinds.extend(format(args, found)?.map(|format| Kind::Format(Box::new(format))));
    kinds.extend(args.other_tracks.map(tracks));
    kinds.extend(random_access(args));
    kinds.extend(buffer_model(args));
    if !args.boundaries.is_empty() {
        kinds.push(quality_steps(args.boundaries.clone()));
    }
    Ok(kinds)
}

/// What is expected of every video, and of one that has a source.
fn implied(has_source: bool, table: Option<Table>) -> Vec<Kind> {
    let mut kinds = vec![Kind::CleanDecode(Box::default())];
    if has_source {
        kinds.push(Kind::SameFrames(Box::default()));
    }
    if let Some(table) = table {
        kinds.push(frame_count(table.frames));
        kinds.push(timestamps(table));
    }
    kinds
}

/// Times that are listed are compared with those of the source.
fn timed(listed: &mut [wire::Expectation], table: Option<&Table>) -> Vec<Error> {
    let mut problems = Vec::new();
    for (index, one) in listed.iter_mut().enumerate() {
        let Some(Kind::Timestamps(times)) = &mut one.kind else {
            continue;
        };
        match table {
            Some(table) => times.frame_table = Some(table.blob.clone().into()).into(),
            None => problems.push(
                Error::user("NO_TIMES", "there are no times to compare")
                    .at(format!("expectations[{index}].timestamps"))
                    .hint(
                        "name the source with --source, without --no-timestamps; an elementary \
                         stream has no times",
                    ),
            ),
        }
    }
    problems
}

fn random_access(args: &ExpectedArgs) -> Option<Kind> {
    let told = args.max_gop.is_some() || !args.access_points.is_empty();
    let access = wire::RandomAccess {
        max_frames: args.max_gop.unwrap_or_default(),
        points: args.access_points.clone(),
        ..Default::default()
    };
    told.then(|| Kind::RandomAccess(Box::new(access)))
}

fn buffer_model(args: &ExpectedArgs) -> Option<Kind> {
    let model = wire::BufferModel {
        max_bitrate: args.max_bitrate?.0,
        buffer: args.buffer.map_or(0, |bits| bits.0),
        ..Default::default()
    };
    Some(Kind::BufferModel(Box::new(model)))
}

fn frame_count(frames: u64) -> Kind {
    Kind::FrameCount(Box::new(wire::FrameCount {
        frames,
        ..Default::default()
    }))
}

fn timestamps(table: Table) -> Kind {
    Kind::Timestamps(Box::new(wire::Timestamps {
        frame_table: Some(table.blob.into()).into(),
        ..Default::default()
    }))
}

fn tracks(others: u64) -> Kind {
    Kind::Tracks(Box::new(wire::Tracks {
        others,
        ..Default::default()
    }))
}

fn quality_steps(boundaries: Vec<u64>) -> Kind {
    Kind::QualitySteps(Box::new(wire::QualitySteps {
        boundaries,
        ..Default::default()
    }))
}

fn format(args: &ExpectedArgs, found: Option<&SourceInfo>) -> Result<Option<wire::Format>, Error> {
    let picture = picture(args, found);
    let of_codec = args.codec.is_some() || args.profile.is_some() || args.level.is_some();
    if picture.is_none() && !of_codec {
        return Ok(None);
    }
    let codec = args.codec.as_deref().map(codec);
    let of_level = codec.or(found.map(|found| found.codec.as_str()));
    let level = args.level.map(|level| as_coded(level, of_level));
    let named = args.profile.as_deref().map(|name| profile(name, of_level));
    Ok(Some(wire::Format {
        codec: codec.unwrap_or_default().to_owned(),
        profile: named.unwrap_or_default().to_owned(),
        video: picture.into(),
        max_level: level.transpose()?.unwrap_or_default(),
        ..Default::default()
    }))
}

/// ffmpeg's name of a coding format.
fn codec(name: &str) -> &str {
    match name {
        "avc" => "h264",
        name => name,
    }
}

/// ffprobe's name of a profile that `ves encode` takes, of a coding format if that is known.
fn profile<'a>(name: &'a str, codec: Option<&str>) -> &'a str {
    let possible = |coding: &&&Coding| codec.is_none_or(|codec| coding.ffprobe_name == codec);
    let mut all = codings()
        .iter()
        .filter(possible)
        .flat_map(|one| one.profiles);
    all.find(|profile| profile.name == name)
        .map_or(name, |profile| profile.ffprobe_name)
}

/// A level as the codec writes it.
fn as_coded(level: Level, codec: Option<&str>) -> Result<u32, Error> {
    let Level { major, minor } = level;
    let name = format!("{major}.{minor}");
    let is_named = |known: &str| known == name || known == name.trim_end_matches(".0");
    let coding = codings().iter().find(|one| Some(one.ffprobe_name) == codec);
    let found = coding.and_then(|one| one.levels.iter().find(|level| is_named(level.name)));
    found.map(|level| level.code).ok_or_else(|| {
        let of = codec.unwrap_or("a codec that is not known");
        Error::user("UNKNOWN_LEVEL", format!("{name} is no level of {of}"))
            .at("--level")
            .hint("name one of the format's standard, and the format with --codec")
    })
}

/// What was told of the picture. The contract takes colour and rotation whole, so what was not told
/// of them is as it is.
fn picture(args: &ExpectedArgs, found: Option<&SourceInfo>) -> Option<video_wire::VideoFormat> {
    let colour = colour(args, found);
    let is_told = args.size.is_some()
        || args.sar.is_some()
        || args.pixel_format.is_some()
        || colour.is_some()
        || args.scan.is_some()
        || args.rotation.is_some();
    let as_found = found.map(|found| found.format.rotation);
    let rotation = args.rotation.or(as_found).unwrap_or_default();
    is_told.then(|| video_wire::VideoFormat {
        resolution: args.size.map(size).into(),
        sample_aspect_ratio: args.sar.map(|sar| sar.as_rational().into()).into(),
        pixel_format: layout(args),
        colour: colour.map(video_wire::ColourDescription::from).into(),
        scan_type: args.scan.map(scan).unwrap_or_default().into(),
        rotation: rotation.degrees(),
        ..Default::default()
    })
}

fn size(size: crate::ves::picture::PictureSize) -> video_wire::Resolution {
    video_wire::Resolution {
        width: size.width,
        height: size.height,
        ..Default::default()
    }
}

fn layout(args: &ExpectedArgs) -> String {
    let layout = args.pixel_format.as_ref();
    layout.map_or_else(String::new, |layout| layout.as_str().to_owned())
}

fn scan(scan: Scan) -> video_wire::ScanType {
    match scan {
        Scan::Progressive => video_wire::ScanType::Progressive,
        // Which field is first is not compared.
        Scan::Interlaced => video_wire::ScanType::TopFieldFirst,
    }
}

fn colour(args: &ExpectedArgs, found: Option<&SourceInfo>) -> Option<ColourDescription> {
    let ExpectedArgs {
        color_primaries,
        color_transfer,
        color_matrix,
        color_range,
        ..
    } = args;
    let is_told = color_primaries.is_some()
        || color_transfer.is_some()
        || color_matrix.is_some()
        || color_range.is_some();
    let as_found = found.map(|found| found.format.colour).unwrap_or_default();
    let range = color_range.map(|range| match range {
        ColorRange::Limited => Range::Limited,
        ColorRange::Full => Range::Full,
    });
    is_told.then(|| ColourDescription {
        primaries: color_primaries.unwrap_or(as_found.primaries),
        transfer: color_transfer.unwrap_or(as_found.transfer),
        matrix: color_matrix.unwrap_or(as_found.matrix),
        range: range.unwrap_or(as_found.range),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use video::{Primaries, Rational, Rotation, SampleAspectRatio};

    use super::*;

    fn of(args: &ExpectedArgs) -> Vec<Kind> {
        let all = expectations(args, Known::default()).unwrap();
        all.into_iter().filter_map(|one| one.kind).collect()
    }

    #[test]
    fn nothing_told_is_a_clean_decode() {
        assert_eq!(
            of(&ExpectedArgs::default()),
            [Kind::CleanDecode(Box::default())]
        );
    }

    #[test]
    fn a_source_has_its_frames_compared_and_its_table_their_times() {
        let blob = BlobRef {
            store: "local".into(),
            digest: blob::Digest::of(b"table"),
            size: 5,
            content_type: String::new(),
        };
        let known = Known {
            has_source: true,
            table: Some(Table { blob, frames: 3 }),
            ..Known::default()
        };
        let all = expectations(&ExpectedArgs::default(), known).unwrap();
        let kinds: Vec<Kind> = all.into_iter().filter_map(|one| one.kind).collect();
        assert!(kinds.contains(&Kind::SameFrames(Box::default())));
        assert!(kinds.contains(&frame_count(3)));
        assert!(kinds.iter().any(|kind| matches!(kind, Kind::Timestamps(_))));
    }

    #[test]
    fn what_a_file_lists_keeps_its_place_and_is_not_said_again() {
        let listed = || {
            let kinds = [frame_count(9), Kind::Timestamps(Box::default())];
            kinds.map(expectation).to_vec()
        };
        let known = || Known {
            listed: listed(),
            ..Known::default()
        };
        let args = ExpectedArgs {
            frames: Some(9),
            max_gop: Some(30),
            access_points: vec![0, 15],
            ..Default::default()
        };
        let told = expectations(&args, known()).unwrap_err();
        let codes: Vec<_> = told.iter().map(|one| one.code.as_str()).collect();
        assert_eq!(codes, ["NO_TIMES", "TOLD_TWICE"]);
        let known = Known {
            listed: listed().drain(..1).collect(),
            ..Known::default()
        };
        let args = ExpectedArgs {
            frames: None,
            ..args
        };
        let all = expectations(&args, known).unwrap();
        let kinds: Vec<Kind> = all.into_iter().filter_map(|one| one.kind).collect();
        let expected = [
            frame_count(9),
            random_access(&args).unwrap(),
            Kind::CleanDecode(Box::default()),
        ];
        assert_eq!(kinds, expected);
    }

    #[test]
    fn names_of_encodes_are_understood() {
        let args = ExpectedArgs {
            codec: Some("avc".into()),
            profile: Some("high10".into()),
            level: Some(Level { major: 4, minor: 1 }),
            ..Default::default()
        };
        let format = format(&args, None).unwrap().unwrap();
        assert_eq!(format.codec, "h264");
        assert_eq!(format.profile, "High 10");
        assert_eq!(format.max_level, 41);
    }

    #[test]
    fn profiles_have_the_names_of_their_codec() {
        assert_eq!(profile("main10", None), "Main 10");
        assert_eq!(profile("main444-8", Some("hevc")), "Rext");
        assert_eq!(profile("high10", Some("hevc")), "high10");
        assert_eq!(profile("High 10", Some("h264")), "High 10");
    }

    #[test]
    fn a_level_is_written_as_its_codec_does() {
        let level = |codec| as_coded(Level { major: 4, minor: 1 }, codec);
        assert_eq!(level(Some("hevc")).unwrap(), 123);
        assert_eq!(level(Some("av1")).unwrap(), 9);
        let whole = Level { major: 4, minor: 0 };
        assert_eq!(as_coded(whole, Some("h264")).unwrap(), 40);
        for codec in [None, Some("vp8")] {
            assert_eq!(level(codec).unwrap_err().code, "UNKNOWN_LEVEL");
        }
    }

    #[test]
    fn no_turn_is_a_thing_to_expect() {
        let args = ExpectedArgs {
            rotation: Rotation::from_degrees(0),
            ..Default::default()
        };
        assert!(format(&args, None).unwrap().unwrap().video.is_set());
        assert_eq!(format(&ExpectedArgs::default(), None).unwrap(), None);
    }

    #[test]
    fn only_what_is_told_of_the_picture_is_expected() {
        let shape = SampleAspectRatio::new(Rational::new(4, 3).unwrap());
        let args = ExpectedArgs {
            sar: shape,
            color_primaries: Some(Primaries::from_code(9)),
            rotation: Rotation::from_degrees(90),
            ..Default::default()
        };
        let picture = picture(&args, None).unwrap();
        assert!(!picture.resolution.is_set() && picture.pixel_format.is_empty());
        assert_eq!(picture.colour.primaries, 9);
        assert_eq!(picture.rotation, 90);
        assert!(super::picture(&ExpectedArgs::default(), None).is_none());
    }
}
