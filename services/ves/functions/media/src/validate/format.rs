//! Is the video what the recipe says it is?

use errors::Error;
use ves_api::recipe::{Container, ResolvedRecipe};
use video::{
    Matrix, PixelFormat, Primaries, Range, Rational, Rotation, SampleAspectRatio, Transfer,
    VideoFormat,
};

use crate::validate::probe::{Probed, Stream};

/// A property, as found and as expected.
type Pair = (&'static str, String, String);

/// Differences between the file and the format of the resolved recipe.
pub(crate) fn compare(probed: &Probed, recipe: &ResolvedRecipe) -> Vec<Error> {
    let stream = &probed.video;
    let pairs = picture(stream, recipe)
        .into_iter()
        .chain(colour(stream, &recipe.format));
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

fn picture(stream: &Stream, recipe: &ResolvedRecipe) -> Vec<Pair> {
    let expected = &recipe.format;
    let codec = recipe.recipe.codec.ffprobe_name();
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
        ("codec", stream.codec_name.clone(), codec.into()),
        (
            "size",
            format!("{}x{}", stream.width, stream.height),
            expected.resolution.to_string(),
        ),
        (
            "pixel shape",
            shape_of(stream),
            shape_in(recipe.recipe.container, expected, stream),
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

/// What does not say has square pixels.
fn shape_of(stream: &Stream) -> String {
    match stream.sample_aspect_ratio.as_str() {
        "" | "0:1" | "N/A" => SampleAspectRatio::SQUARE.to_string(),
        shape => shape.to_owned(),
    }
}

/// Matroska tells the size on the screen in whole pixels, AV1 by itself nothing: there, what is
/// found is as good as what
/// is expected if it leads to about the same.
fn shape_in(container: Container, expected: &VideoFormat, stream: &Stream) -> String {
    let exact = expected.sample_aspect_ratio;
    let width = |shape: Rational| shape.round_mul(expected.resolution.width().into());
    let found = shape_of(stream).replace(':', "/").parse::<Rational>();
    let near = found.ok().and_then(width).zip(width(exact.as_rational()));
    let near =
        near.is_some_and(|(found, exact)| found.abs_diff(exact) <= exact.unsigned_abs() / 255 + 1);
    match container != Container::Mp4 && near {
        true => shape_of(stream),
        false => exact.to_string(),
    }
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
