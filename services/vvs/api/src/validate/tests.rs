#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::json;
use sources::Remote;

use super::*;

const DIGEST: &str = "sha256/0000000000000000000000000000000000000000000000000000000000000000";

fn policy(trust_blobs: bool) -> Policy {
    Policy {
        sources: Sources::of(["/media".into()], Remote::default()),
        trust_blobs,
    }
}

fn blob() -> serde_json::Value {
    json!({"store": "local", "digest": DIGEST, "size": "7"})
}

/// A good request with `changes` in its place.
fn request(changes: serde_json::Value) -> wire::ValidateRequest {
    let mut request = json!({
        "video": {"uri": "file:///media/a.mp4"},
        "source": {"uri": "file:///media/b.mp4"},
        "expectations": [{"sameFrames": {}}],
        "idempotencyKey": "k",
        "labels": {"title": "Lights"},
    });
    for (name, value) in changes.as_object().unwrap() {
        request[name] = value.clone();
    }
    serde_json::from_value(request).unwrap()
}

/// (field, code) of every problem.
fn problems(changes: serde_json::Value, trust_blobs: bool) -> Vec<(String, String)> {
    let problems = validate(&request(changes), &policy(trust_blobs)).unwrap_err();
    let named = |problem: Error| {
        assert!(
            problem.hint.is_some() && problem.class == errors::Class::User,
            "{problem:?}"
        );
        (problem.field.unwrap_or_default(), problem.code)
    };
    problems.into_iter().map(named).collect()
}

#[test]
fn a_good_request_passes_with_its_parts_in_place() {
    let all = json!({
        "video": {"blob": blob()},
        "expectations": [
            {"frameCount": {"frames": "12"}},
            {"timestamps": {"frameTable": blob()}},
            {"format": {"codec": "av1", "maxLevel": 8, "video": {
                "resolution": {"width": 320, "height": 180}, "pixelFormat": "yuv420p10le",
                "colour": {"primaries": 9, "transfer": 16, "matrix": 9},
                "scanType": "SCAN_TYPE_PROGRESSIVE"}}},
            {"tracks": {"others": "0"}},
            {"cleanDecode": {}},
            {"sameFrames": {}},
            {"qualitySteps": {"boundaries": ["0", "30"]}},
            {"randomAccess": {"points": ["0", "12"]}},
            {"bufferModel": {"maxBitrate": "9000"}},
        ],
    });
    let valid = validate(&request(all), &policy(true)).unwrap();
    assert!(matches!(&valid.video, Some(Named::Blob(blob)) if blob.size == 7));
    assert!(matches!(&valid.source, Some(Named::Place(_))));
    assert!(valid.reference() && valid.frame_table.is_some());
    let expected = &valid.expectations;
    assert_eq!(expected.checks().len(), 9);
    assert_eq!(
        (expected.frame_count, expected.other_tracks),
        (Some(12), Some(0))
    );
    assert_eq!(expected.boundaries, Some(vec![0, 30]));
    assert_eq!(expected.access_points, Some(vec![0, 12]));
    assert_eq!(expected.access_frames, None);
    assert_eq!(expected.buffer, video::DecoderBuffer::new(9_000, 9_000));
    let format = expected.format.clone().unwrap();
    assert_eq!(
        (format.codec.as_deref(), format.max_level),
        (Some("av1"), Some(8))
    );
    let picture = format.picture.unwrap();
    assert_eq!(picture.resolution, video::Resolution::new(320, 180));
    assert_eq!(picture.sample_aspect_ratio, None);
    assert_eq!(picture.colour.unwrap().transfer.code(), 16);
}

#[test]
fn a_source_alone_is_prepared() {
    let alone = json!({"video": null, "expectations": []});
    let valid = validate(&request(alone), &policy(false)).unwrap();
    assert!(valid.video.is_none() && valid.reference());
    let unneeded = json!({"expectations": [{"cleanDecode": {}}]});
    assert!(
        !validate(&request(unneeded), &policy(false))
            .unwrap()
            .reference()
    );
}

#[test]
fn every_problem_has_its_field_and_code() {
    let one = |expectation: serde_json::Value| json!({"expectations": [expectation]});
    let format = |format: serde_json::Value| one(json!({"format": format}));
    let cases = [
        (
            json!({"video": null, "source": null, "expectations": []}),
            "video",
            "MISSING",
        ),
        (json!({"video": {}}), "video", "MISSING"),
        (
            json!({"video": {"uri": "file:///etc/passwd"}}),
            "video.uri",
            "OUTSIDE_ROOTS",
        ),
        (
            json!({"video": {"uri": "s3://a/b"}}),
            "video.uri",
            "BUCKET_NOT_ALLOWED",
        ),
        (
            json!({"source": {"uri": "/media/b.mp4"}}),
            "source.uri",
            "URI_MALFORMED",
        ),
        (
            json!({"video": {"blob": blob()}}),
            "video.blob",
            "BLOB_NOT_ALLOWED",
        ),
        (
            json!({"source": {"blob": blob()}}),
            "source.blob",
            "BLOB_NOT_ALLOWED",
        ),
        (json!({"expectations": []}), "expectations", "MISSING"),
        (json!({"video": null}), "expectations", "VIDEO_NEEDED"),
        (json!({"source": null}), "expectations[0]", "SOURCE_NEEDED"),
        (one(json!({})), "expectations[0]", "MISSING"),
        (
            json!({"expectations": [{"cleanDecode": {}}, {"cleanDecode": {}}]}),
            "expectations[1]",
            "TWICE",
        ),
        (
            one(json!({"frameCount": {}})),
            "expectations[0].frame_count.frames",
            "OUT_OF_RANGE",
        ),
        (
            one(json!({"timestamps": {}})),
            "expectations[0].timestamps.frame_table",
            "MISSING",
        ),
        (
            one(json!({"timestamps": {"frameTable": blob()}})),
            "expectations[0].timestamps.frame_table",
            "BLOB_NOT_ALLOWED",
        ),
        (
            one(json!({"qualitySteps": {}})),
            "expectations[0].quality_steps.boundaries",
            "MISSING",
        ),
        (
            one(json!({"qualitySteps": {"boundaries": ["5", "5"]}})),
            "expectations[0].quality_steps.boundaries",
            "OUT_OF_RANGE",
        ),
        (
            one(json!({"randomAccess": {}})),
            "expectations[0].random_access.max_frames",
            "OUT_OF_RANGE",
        ),
        (
            one(json!({"randomAccess": {"points": ["5", "4"]}})),
            "expectations[0].random_access.points",
            "OUT_OF_RANGE",
        ),
        (
            one(json!({"randomAccess": {"list": blob()}})),
            "expectations[0].random_access.list",
            "BLOB_NOT_ALLOWED",
        ),
        (format(json!({})), "expectations[0].format", "MISSING"),
        (
            format(json!({"codec": "x".repeat(65)})),
            "expectations[0].format.codec",
            "OUT_OF_RANGE",
        ),
        (
            format(json!({"video": {"resolution": {"width": 0}}})),
            "expectations[0].format.video.resolution",
            "OUT_OF_RANGE",
        ),
        (
            format(json!({"video": {"rotation": 45}})),
            "expectations[0].format.video.rotation",
            "OUT_OF_RANGE",
        ),
        (
            format(json!({"video": {"pixelFormat": "a;b"}})),
            "expectations[0].format.video.pixel_format",
            "OUT_OF_RANGE",
        ),
        (
            format(json!({"video": {"colour": {"matrix": 256}}})),
            "expectations[0].format.video.colour",
            "OUT_OF_RANGE",
        ),
        (
            format(json!({"video": {"sampleAspectRatio": {"numerator": "1"}}})),
            "expectations[0].format.video.sample_aspect_ratio",
            "OUT_OF_RANGE",
        ),
        (
            json!({"idempotencyKey": "x".repeat(256)}),
            "idempotency_key",
            "IDEMPOTENCY_KEY_INVALID",
        ),
        (
            json!({"labels": {"no good": ""}}),
            "labels[no good]",
            "LABEL_INVALID",
        ),
    ];
    for (changes, field, code) in cases {
        let told = problems(changes.clone(), false);
        assert_eq!(told, [(field.to_owned(), code.to_owned())], "{changes}");
    }
    let malformed = json!({"video": {"blob": {"store": "local", "digest": "md5/0"}}});
    assert_eq!(
        problems(malformed, true),
        [("video.blob".into(), "BLOB_INVALID".into())]
    );
}

#[test]
fn all_problems_are_told_at_once() {
    let told = problems(
        json!({
            "video": {"uri": "http://x"},
            "source": null,
            "expectations": [{"sameFrames": {}}, {"frameCount": {}}],
            "idempotencyKey": "\n",
        }),
        false,
    );
    let fields: Vec<&str> = told.iter().map(|(field, _)| field.as_str()).collect();
    let expected = [
        "video.uri",
        "expectations[0]",
        "expectations[1].frame_count.frames",
        "idempotency_key",
    ];
    assert_eq!(fields, expected);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(uri in ".*", codec in ".*", key in ".*") {
        let request = json!({
            "video": {"uri": uri}, "idempotencyKey": &key, "labels": {(&key): &codec},
            "expectations": [{"format": {"codec": &codec}}],
        });
        let request = serde_json::from_value(request).unwrap();
        let _ = validate(&request, &policy(true));
    }
}
