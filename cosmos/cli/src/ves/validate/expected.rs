//! From arguments to what VVS is asked to expect.

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
pub(super) struct Table {
    pub(super) blob: BlobRef,
    pub(super) frames: u64,
}

/// All that is expected. `found` is what the video says of itself, where it can be read.
///
/// # Errors
/// Of class `user`, when something cannot be said in the words of the video's codec.
pub(super) fn expectations(
    args: &ExpectedArgs,
    found: Option<&SourceInfo>,
    has_source: bool,
    table: Option<Table>,
) -> Result<Vec<wire::Expectation>, Error> {
    let mut kinds = vec![Kind::CleanDecode(Box::default())];
    if has_source {
        kinds.push(Kind::SameFrames(Box::default()));
    }
    let frames = args.frames.or(table.as_ref().map(|table| table.frames));
    kinds.extend(frames.map(frame_count));
    kinds.extend(table.map(timestamps));
    kinds.extend(format(args, found)?.map(|format| Kind::Format(Box::new(format))));
    kinds.extend(args.other_tracks.map(tracks));
    if !args.boundaries.is_empty() {
        kinds.push(quality_steps(args.boundaries.clone()));
    }
    let expectation = |kind| wire::Expectation {
        kind: Some(kind),
        ..Default::default()
    };
    Ok(kinds.into_iter().map(expectation).collect())
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
        let all = expectations(args, None, false, None).unwrap();
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
        let table = Table { blob, frames: 3 };
        let args = ExpectedArgs::default();
        let all = expectations(&args, None, true, Some(table)).unwrap();
        let kinds: Vec<Kind> = all.into_iter().filter_map(|one| one.kind).collect();
        assert!(kinds.contains(&Kind::SameFrames(Box::default())));
        assert!(kinds.contains(&frame_count(3)));
        assert!(kinds.iter().any(|kind| matches!(kind, Kind::Timestamps(_))));
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
