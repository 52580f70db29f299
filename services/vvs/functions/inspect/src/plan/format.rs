//! Is the video what it is said to be?

use video::{Matrix, PixelFormat, Primaries, Range, Rotation, ScanType, Transfer};
use vvs_api::expect::{Format, Picture};
use vvs_api::report::{
    Discrepancy, LEVEL_EXCEEDED, WRONG_CODEC, WRONG_MATRIX, WRONG_PIXEL_FORMAT, WRONG_PIXEL_SHAPE,
    WRONG_PRIMARIES, WRONG_PROFILE, WRONG_RANGE, WRONG_ROTATION, WRONG_SCAN, WRONG_SIZE,
    WRONG_TRACKS, WRONG_TRANSFER,
};

use crate::media::{Stream, quoted};

/// A property: its code and name, as expected and as found.
type Pair = (&'static str, &'static str, String, String);

/// Differences between a track and what it should be.
pub(super) fn compare(track: &Stream, expected: &Format) -> Vec<Discrepancy> {
    let named = |code, name, expected: &Option<String>, found: &str| {
        expected
            .clone()
            .map(|expected| (code, name, expected, found.to_owned()))
    };
    let mut pairs: Vec<Pair> = [
        named(WRONG_CODEC, "codec", &expected.codec, &track.codec_name),
        named(WRONG_PROFILE, "profile", &expected.profile, &track.profile),
    ]
    .into_iter()
    .flatten()
    .collect();
    if let Some(expected) = &expected.picture {
        pairs.extend(picture(track, expected));
        pairs.extend(colour(track, expected));
    }
    let differing = pairs
        .into_iter()
        .filter(|(_, _, expected, found)| expected != found);
    let level = expected
        .max_level
        .and_then(|most| exceeded(track.level, most));
    differing.map(differs).chain(level).collect()
}

/// Whether tracks are missing or too many.
pub(super) fn compare_tracks(found: u64, expected: u64) -> Option<Discrepancy> {
    (found != expected).then(|| {
        let message = format!("tracks beside the video: {found} instead of {expected}");
        Discrepancy::new(WRONG_TRACKS, message).differs(expected, found)
    })
}

fn differs((code, name, expected, found): Pair) -> Discrepancy {
    let found = quoted(&found);
    let message = format!("{name}: {found} instead of {expected}");
    Discrepancy::new(code, message).differs(expected, found)
}

fn exceeded(found: i64, most: u32) -> Option<Discrepancy> {
    (found > i64::from(most)).then(|| {
        let message = format!("level: {found} instead of {most} at most");
        Discrepancy::new(LEVEL_EXCEEDED, message).differs(most, found)
    })
}

fn picture(track: &Stream, expected: &Picture) -> Vec<Pair> {
    let order = |scan: ScanType| match scan.is_interlaced() {
        true => "interlaced".to_owned(),
        false => "progressive".to_owned(),
    };
    let found = format!("{}x{}", track.width, track.height);
    let size = expected
        .resolution
        .map(|size| (WRONG_SIZE, "size", size.to_string(), found));
    let shape = expected.sample_aspect_ratio.map(|shape| {
        let found = pixel_shape(&track.sample_aspect_ratio);
        (WRONG_PIXEL_SHAPE, "pixel shape", shape.to_string(), found)
    });
    let layout = expected.pixel_format.as_ref().map(|layout| {
        // ffmpeg names full-range layouts apart; range is compared by itself.
        let plain = |name: &str| name.replacen("yuvj", "yuv", 1);
        let (expected, found) = (plain(layout.as_str()), plain(&track.pix_fmt));
        (WRONG_PIXEL_FORMAT, "pixel format", expected, found)
    });
    let scan = expected.scan_type.map(|scan| {
        let found = order(ScanType::from_ffprobe(&track.field_order));
        (WRONG_SCAN, "scan", order(scan), found)
    });
    let rotation = expected.rotation.degrees().to_string();
    let rotation = (WRONG_ROTATION, "rotation", rotation, rotation_of(track));
    [size, shape, layout, scan, Some(rotation)]
        .into_iter()
        .flatten()
        .collect()
}

fn colour(track: &Stream, expected: &Picture) -> Vec<Pair> {
    let Some(colour) = expected.colour else {
        return Vec::new();
    };
    let range = |full: bool| if full { "full" } else { "limited" }.to_owned();
    let implied = PixelFormat::new(track.pix_fmt.as_str()).is_some_and(|p| p.implies_full_range());
    let found = implied || Range::from_ffprobe(&track.color_range) == Range::Full;
    let primaries = Primaries::from_ffprobe(&track.color_primaries).code();
    let transfer = Transfer::from_ffprobe(&track.color_transfer).code();
    let matrix = Matrix::from_ffprobe(&track.color_space).code();
    let code =
        |code, name, expected: u8, found: u8| (code, name, expected.to_string(), found.to_string());
    vec![
        (
            WRONG_RANGE,
            "range",
            range(colour.range == Range::Full),
            range(found),
        ),
        code(
            WRONG_PRIMARIES,
            "primaries",
            colour.primaries.code(),
            primaries,
        ),
        code(WRONG_TRANSFER, "transfer", colour.transfer.code(), transfer),
        code(WRONG_MATRIX, "matrix", colour.matrix.code(), matrix),
    ]
}

/// What no shape is told of is square.
fn pixel_shape(told: &str) -> String {
    match told {
        "" | "0:1" | "N/A" => "1:1".to_owned(),
        told => told.to_owned(),
    }
}

fn rotation_of(track: &Stream) -> String {
    let anticlockwise: f64 = track.side_data_list.iter().map(|data| data.rotation).sum();
    let turned = Rotation::from_degrees(-(anticlockwise.round() as i64));
    turned.map_or_else(
        || format!("{anticlockwise} anticlockwise"),
        |rotation| rotation.degrees().to_string(),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;
    use video::{ColourDescription, Resolution, SampleAspectRatio};

    use super::*;

    fn track(changes: serde_json::Value) -> Stream {
        let mut track = json!({
            "codec_name": "h264", "profile": "High", "level": 31, "width": 320, "height": 180,
            "sample_aspect_ratio": "1:1", "pix_fmt": "yuv420p", "field_order": "progressive",
            "color_primaries": "bt709", "color_transfer": "bt709", "color_space": "bt709",
        });
        let (Some(to), Some(from)) = (track.as_object_mut(), changes.as_object()) else {
            unreachable!()
        };
        to.extend(from.clone());
        serde_json::from_value(track).unwrap()
    }

    fn format() -> Format {
        let colour = ColourDescription {
            primaries: Primaries::from_code(1),
            transfer: Transfer::from_code(1),
            matrix: Matrix::from_code(1),
            range: Range::Limited,
        };
        Format {
            codec: Some("h264".into()),
            profile: Some("High".into()),
            max_level: Some(31),
            picture: Some(Picture {
                resolution: Resolution::new(320, 180),
                sample_aspect_ratio: Some(SampleAspectRatio::SQUARE),
                pixel_format: PixelFormat::new("yuv420p"),
                colour: Some(colour),
                scan_type: Some(ScanType::Progressive),
                rotation: Rotation::None,
                ..Picture::default()
            }),
        }
    }

    #[test]
    fn what_is_as_expected_is_not_told() {
        assert_eq!(compare(&track(json!({})), &format()), []);
        assert_eq!(
            compare(&track(json!({"sample_aspect_ratio": "0:1"})), &format()),
            []
        );
        let other = track(json!({"codec_name": "av1", "level": 62, "width": 7}));
        assert_eq!(compare(&other, &Format::default()), []);
    }

    #[test]
    fn each_property_has_its_code() {
        for (changes, code) in [
            (json!({"codec_name": "hevc"}), WRONG_CODEC),
            (json!({"profile": "Main"}), WRONG_PROFILE),
            (json!({"level": 40}), LEVEL_EXCEEDED),
            (json!({"width": 322}), WRONG_SIZE),
            (json!({"sample_aspect_ratio": "4:3"}), WRONG_PIXEL_SHAPE),
            (json!({"pix_fmt": "yuv420p10le"}), WRONG_PIXEL_FORMAT),
            (json!({"field_order": "tt"}), WRONG_SCAN),
            (
                json!({"side_data_list": [{"rotation": -90}]}),
                WRONG_ROTATION,
            ),
            (json!({"color_primaries": "bt2020"}), WRONG_PRIMARIES),
            (json!({"color_transfer": "smpte2084"}), WRONG_TRANSFER),
            (json!({"color_space": "smpte170m"}), WRONG_MATRIX),
            (json!({"color_range": "pc"}), WRONG_RANGE),
            (json!({"pix_fmt": "yuvj420p"}), WRONG_RANGE),
        ] {
            let found = compare(&track(changes.clone()), &format());
            let codes: Vec<&str> = found.iter().map(|one| one.code.as_str()).collect();
            assert_eq!(codes, [code], "{changes}");
            assert_ne!(found[0].expected, found[0].found, "{changes}");
        }
        assert_eq!(compare_tracks(2, 1).unwrap().code, WRONG_TRACKS);
        assert_eq!(compare_tracks(1, 1), None);
    }
}
