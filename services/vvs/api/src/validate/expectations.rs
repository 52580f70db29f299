//! From the wire's list of expectations to one value.

use std::mem::discriminant;

use blob::BlobRef;
use errors::Error;
use proto::video::v1 as video_wire;
use video::{
    ColourDescription, DecoderBuffer, Matrix, PixelFormat, Primaries, Range, Rational, Resolution,
    Rotation, SampleAspectRatio, ScanType, StaticHdr, Transfer,
};

use crate::expect::{Expectations, Format, Picture};
use crate::validate::{Policy, blob};
use crate::wire;
use wire::expectation::Kind;

/// Chunks of one video.
const MAX_BOUNDARIES: usize = 100_000;
/// The longest name of a codec or profile, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// What is expected, and the table that is a part of it.
#[derive(Default)]
pub(super) struct Expected {
    pub(super) all: Expectations,
    pub(super) frame_table: Option<BlobRef>,
    pub(super) boundaries: Option<BlobRef>,
    pub(super) access_points: Option<BlobRef>,
}

/// Reads all expectations; what is wrong with them is added to `problems`.
pub(super) fn check(
    request: &wire::ValidateRequest,
    policy: &Policy,
    problems: &mut Vec<Error>,
) -> Expected {
    let (has_video, has_source) = (request.video.is_set(), request.source.is_set());
    problems.extend(amount(request.expectations.len(), has_video));
    let mut expected = Expected::default();
    let mut seen = Vec::new();
    for (index, expectation) in request.expectations.iter().enumerate() {
        let field = format!("expectations[{index}]");
        let Some(kind) = &expectation.kind else {
            let hint = "use frame_count, timestamps, format, tracks, clean_decode, same_frames, \
                        quality_steps, \
                        random_access or buffer_model";
            problems.push(
                Error::user("MISSING", "nothing is expected")
                    .at(field)
                    .hint(hint),
            );
            continue;
        };
        if seen.contains(&discriminant(kind)) {
            let hint = "expect it once";
            problems.push(
                Error::user("TWICE", "the same is expected twice")
                    .at(field)
                    .hint(hint),
            );
            continue;
        }
        seen.push(discriminant(kind));
        if matches!(kind, Kind::SameFrames(_) | Kind::QualitySteps(_)) && !has_source {
            problems.push(
                Error::user("SOURCE_NEEDED", "this needs the source to compare with")
                    .at(&field)
                    .hint("name the source"),
            );
        }
        read(kind, &field, policy, &mut expected, problems);
    }
    expected
}

fn amount(count: usize, has_video: bool) -> Option<Error> {
    let error = match (count, has_video) {
        (0, true) => Error::user("MISSING", "nothing is expected of the video")
            .hint("expect clean_decode, for one"),
        (1.., false) => Error::user("VIDEO_NEEDED", "there is no video to expect something of")
            .hint("name the video, or expect nothing to prepare the source alone"),
        _ => return None,
    };
    Some(error.at("expectations"))
}

fn read(
    kind: &Kind,
    field: &str,
    policy: &Policy,
    expected: &mut Expected,
    problems: &mut Vec<Error>,
) {
    let all = &mut expected.all;
    match kind {
        Kind::FrameCount(count) => {
            all.frame_count = Some(count.frames);
            if count.frames == 0 {
                let field = format!("{field}.frame_count.frames");
                problems.push(out_of_range(&field, "a video has at least 1 frame"));
            }
        }
        Kind::Timestamps(timestamps) => {
            all.timestamps = true;
            let table = table(
                timestamps,
                &format!("{field}.timestamps.frame_table"),
                policy,
            );
            expected.frame_table = table.map_err(|problem| problems.push(problem)).ok();
        }
        Kind::Format(format) => {
            all.format = Some(self::format(format, &format!("{field}.format"), problems));
        }
        Kind::Tracks(tracks) => all.other_tracks = Some(tracks.others),
        Kind::CleanDecode(_) => all.clean_decode = true,
        Kind::SameFrames(_) => all.same_frames = true,
        Kind::RandomAccess(access) => {
            let field = format!("{field}.random_access");
            let told = !access.points.is_empty();
            all.access_frames = Some(access.max_frames).filter(|most| *most > 0);
            all.access_only = access.only;
            if access.only && !told && !access.list.is_set() {
                let field = format!("{field}.only");
                problems.push(out_of_range(&field, "name the points, or leave it out"));
            }
            all.access_points = told.then(|| access.points.clone());
            if let Some(list) = access.list.as_option() {
                let list = blob(list, &format!("{field}.list"), policy);
                expected.access_points = list.map_err(|problem| problems.push(problem)).ok();
            } else if told {
                problems.extend(boundaries(&access.points, &format!("{field}.points")));
            } else if access.max_frames == 0 {
                let field = format!("{field}.max_frames");
                problems.push(out_of_range(&field, "name at least 1 frame, or points"));
            }
        }
        Kind::BufferModel(model) => {
            let read = self::buffer(model);
            if read.is_none() {
                let field = format!("{field}.buffer_model.max_bitrate");
                problems.push(out_of_range(&field, "name at least 1 bit in a second"));
            }
            all.buffer = read;
        }
        Kind::QualitySteps(steps) => {
            all.boundaries = Some(steps.boundaries.clone());
            let field = format!("{field}.quality_steps");
            match steps.list.as_option() {
                Some(list) => {
                    let list = blob(list, &format!("{field}.list"), policy);
                    expected.boundaries = list.map_err(|problem| problems.push(problem)).ok();
                }
                None => {
                    let field = format!("{field}.boundaries");
                    problems.extend(boundaries(&steps.boundaries, &field));
                }
            }
        }
    }
}

/// Unless another size is told, it holds what comes in a second.
fn buffer(model: &wire::BufferModel) -> Option<DecoderBuffer> {
    let size = match model.buffer {
        0 => model.max_bitrate,
        told => told,
    };
    DecoderBuffer::new(model.max_bitrate, size)
}

fn table(timestamps: &wire::Timestamps, field: &str, policy: &Policy) -> Result<BlobRef, Error> {
    let table = timestamps.frame_table.as_option().ok_or_else(|| {
        Error::user("MISSING", "the frame table is missing")
            .at(field)
            .hint("name the blob that a splitter wrote")
    })?;
    blob(table, field, policy)
}

pub(crate) fn boundaries(boundaries: &[u64], field: &str) -> Option<Error> {
    let error = if boundaries.is_empty() {
        Error::user("MISSING", "there are no boundaries").hint("give the first frame of each chunk")
    } else if boundaries.len() > MAX_BOUNDARIES {
        let message = format!("{} boundaries are given", boundaries.len());
        Error::user("OUT_OF_RANGE", message).hint(format!("give at most {MAX_BOUNDARIES}"))
    } else if !boundaries.is_sorted_by(|a, b| a < b) {
        Error::user("OUT_OF_RANGE", "the boundaries do not ascend")
            .hint("give the first frame of each chunk, in order")
    } else {
        return None;
    };
    Some(error.at(field))
}

fn format(format: &wire::Format, field: &str, problems: &mut Vec<Error>) -> Format {
    let name = |text: &str, part: &str, problems: &mut Vec<Error>| {
        let fits = text.len() <= MAX_NAME_BYTES && !text.chars().any(char::is_control);
        if !fits {
            let field = format!("{field}.{part}");
            problems.push(out_of_range(&field, "use ffmpeg's name"));
        }
        (!text.is_empty()).then(|| text.to_owned())
    };
    let read = Format {
        codec: name(&format.codec, "codec", problems),
        profile: name(&format.profile, "profile", problems),
        max_level: Some(format.max_level).filter(|level| *level > 0),
        picture: format
            .video
            .as_option()
            .map(|video| picture(video, &format!("{field}.video"), problems)),
    };
    if read == Format::default() {
        let hint = "set codec, profile, max_level or video";
        problems.push(
            Error::user("MISSING", "nothing is expected")
                .at(field)
                .hint(hint),
        );
    }
    read
}

/// What is set of a format; the rest is not looked at.
fn picture(video: &video_wire::VideoFormat, field: &str, problems: &mut Vec<Error>) -> Picture {
    let mut checked = Checked { field, problems };
    Picture {
        resolution: video.resolution.as_option().and_then(|size| {
            let read = Resolution::new(size.width, size.height);
            checked.some(read, "resolution", "a width and height of at least 1")
        }),
        sample_aspect_ratio: video.sample_aspect_ratio.as_option().and_then(|shape| {
            let ratio = Rational::try_from(shape)
                .ok()
                .filter(|ratio| ratio.is_positive());
            let read = ratio.and_then(SampleAspectRatio::new);
            checked.some(read, "sample_aspect_ratio", "a fraction above 0")
        }),
        pixel_format: Some(&video.pixel_format)
            .filter(|name| !name.is_empty())
            .and_then(|name| {
                let read = PixelFormat::new(name.as_str());
                checked.some(read, "pixel_format", "a name such as yuv420p10le")
            }),
        colour: video.colour.as_option().and_then(|colour| {
            checked.some(self::colour(colour), "colour", "code points up to 255")
        }),
        scan_type: scan_type(video),
        rotation: checked
            .some(
                Rotation::from_degrees(video.rotation.into()),
                "rotation",
                "0, 90, 180 or 270",
            )
            .unwrap_or_default(),
        hdr: StaticHdr {
            mastering_display: video.mastering_display.as_option().and_then(|display| {
                let expected = "coordinates up to 50000, and max_luminance above min_luminance";
                checked.some(display.try_into().ok(), "mastering_display", expected)
            }),
            content_light: video.content_light.as_option().and_then(|light| {
                let expected = "cd/m² up to 65535";
                checked.some(light.try_into().ok(), "content_light", expected)
            }),
        },
    }
}

/// Notes what cannot be read of one message.
struct Checked<'a> {
    field: &'a str,
    problems: &'a mut Vec<Error>,
}

impl Checked<'_> {
    fn some<T>(&mut self, read: Option<T>, name: &str, expected: &str) -> Option<T> {
        if read.is_none() {
            let field = format!("{}.{name}", self.field);
            self.problems
                .push(out_of_range(&field, &format!("use {expected}")));
        }
        read
    }
}

fn colour(colour: &video_wire::ColourDescription) -> Option<ColourDescription> {
    let code = |code: u32| u8::try_from(code).ok();
    Some(ColourDescription {
        primaries: Primaries::from_code(code(colour.primaries)?),
        transfer: Transfer::from_code(code(colour.transfer)?),
        matrix: Matrix::from_code(code(colour.matrix)?),
        range: if colour.full_range {
            Range::Full
        } else {
            Range::Limited
        },
    })
}

fn scan_type(video: &video_wire::VideoFormat) -> Option<ScanType> {
    match video.scan_type.as_known()? {
        video_wire::ScanType::Progressive => Some(ScanType::Progressive),
        video_wire::ScanType::TopFieldFirst => Some(ScanType::TopFieldFirst),
        video_wire::ScanType::BottomFieldFirst => Some(ScanType::BottomFieldFirst),
        video_wire::ScanType::Unspecified => None,
    }
}

fn out_of_range(field: &str, hint: &str) -> Error {
    Error::user("OUT_OF_RANGE", "this value cannot be expected")
        .at(field)
        .hint(hint)
}
