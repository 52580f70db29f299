//! Is the video what the recipe says it is?

use errors::Error;
use video::{Matrix, PixelFormat, Primaries, Range, Rotation, Transfer, VideoFormat};

use crate::validate::probe::{Probed, Stream};

/// A property, as found and as expected.
type Pair = (&'static str, String, String);

/// Differences between the file and the format of the resolved recipe.
pub(crate) fn compare(probed: &Probed, expected: &VideoFormat) -> Vec<Error> {
    let stream = &probed.video;
    let pairs = picture(stream, expected)
        .into_iter()
        .chain(colour(stream, expected));
    pairs
        .filter(|(_, found, expected)| found != expected)
        .map(differs)
        .collect()
}

/// Whether tracks are missing or too many.
pub(crate) fn compare_tracks(probed: &Probed, others: u64) -> Option<Error> {
    let (found, expected) = (probed.others.to_string(), others.to_string());
    (found != expected).then(|| differs(("number of other tracks", found, expected)))
}

fn differs((what, found, expected): Pair) -> Error {
    let code = format!("WRONG_{}", what.to_uppercase().replace(' ', "_"));
    Error::function(
        code,
        format!("the {what} is {found}, but should be {expected}"),
    )
}

fn picture(stream: &Stream, expected: &VideoFormat) -> Vec<Pair> {
    let layout = expected.pixel_format.to_string();
    let rotation = expected.rotation.degrees().to_string();
    let order = |interlaced: bool| {
        if interlaced {
            "interlaced"
        } else {
            "progressive"
        }
    };
    let scan = video::ScanType::from_ffprobe(&stream.field_order);
    vec![
        ("codec", stream.codec_name.clone(), "h264".into()),
        (
            "size",
            format!("{}x{}", stream.width, stream.height),
            expected.resolution.to_string(),
        ),
        (
            "pixel shape",
            stream.sample_aspect_ratio.clone(),
            expected.sample_aspect_ratio.to_string(),
        ),
        ("pixel format", layout_of(stream), layout),
        ("rotation", rotation_of(stream), rotation),
        (
            "scan",
            order(scan.is_interlaced()).into(),
            order(expected.scan_type.is_interlaced()).into(),
        ),
    ]
}

fn colour(stream: &Stream, expected: &VideoFormat) -> Vec<Pair> {
    let colour = expected.colour;
    let full = |full: bool| if full { "full" } else { "limited" }.to_owned();
    let implied = PixelFormat::new(stream.pix_fmt.as_str()).is_some_and(|p| p.implies_full_range());
    let found_full = implied || Range::from_ffprobe(&stream.color_range) == Range::Full;
    let code = |code: u8| code.to_string();
    vec![
        ("range", full(found_full), full(colour.range == Range::Full)),
        (
            "primaries",
            code(Primaries::from_ffprobe(&stream.color_primaries).code()),
            code(colour.primaries.code()),
        ),
        (
            "transfer",
            code(Transfer::from_ffprobe(&stream.color_transfer).code()),
            code(colour.transfer.code()),
        ),
        (
            "matrix",
            code(Matrix::from_ffprobe(&stream.color_space).code()),
            code(colour.matrix.code()),
        ),
    ]
}

/// ffmpeg names full-range layouts apart; range is compared by itself.
fn layout_of(stream: &Stream) -> String {
    stream.pix_fmt.replacen("yuvj", "yuv", 1)
}

fn rotation_of(stream: &Stream) -> String {
    let anticlockwise: i64 = stream.side_data_list.iter().map(|data| data.rotation).sum();
    let turned = Rotation::from_degrees(-anticlockwise);
    turned.map_or_else(
        || format!("{anticlockwise} anticlockwise"),
        |r| r.degrees().to_string(),
    )
}
