#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn policy() -> Policy {
    Policy::below(
        ["/media/in".into(), "/media/in/deep".into()],
        ["/media/out".into(), "/media/in".into()],
    )
}

/// A good request with `changes` (a JSON merge patch) made to it.
fn request(changes: serde_json::Value) -> wire::EncodeRequest {
    let mut request = json!({
        "videoSource": {"uri": "file:///media/in/a.mp4"},
        "recipe": {"codec": {"format": "CODEC_FORMAT_AVC"}},
        "output": {"uri": "file:///media/out/b.mp4"},
        "idempotencyKey": "k",
        "labels": {"title": "Lights", "team/name": "x y"},
    });
    merge(&mut request, changes);
    serde_json::from_value(request).unwrap()
}

fn merge(target: &mut serde_json::Value, patch: serde_json::Value) {
    match (target, patch) {
        (serde_json::Value::Object(target), serde_json::Value::Object(patch)) => {
            for (key, value) in patch {
                match value.is_null() {
                    true => drop(target.remove(&key)),
                    false => merge(target.entry(key).or_insert(json!({})), value),
                }
            }
        }
        (target, patch) => *target = patch,
    }
}

/// (field, code) of every problem.
fn problems(changes: serde_json::Value) -> Vec<(String, String)> {
    let problems = validate(&request(changes), &policy()).unwrap_err();
    assert!(
        problems.iter().all(|problem| problem.hint.is_some()),
        "{problems:?}"
    );
    assert!(
        problems
            .iter()
            .all(|problem| problem.class == errors::Class::User)
    );
    let named = |problem: Error| (problem.field.unwrap_or_default(), problem.code);
    problems.into_iter().map(named).collect()
}

#[test]
fn a_good_request_passes_with_its_parts_in_place() {
    let valid = validate(&request(json!({})), &policy()).unwrap();
    let place = valid.source.file().unwrap();
    assert_eq!(place.root, std::path::Path::new("/media/in"));
    assert_eq!(place.beneath, std::path::Path::new("a.mp4"));
    assert_eq!(
        valid.output.unwrap().place.path(),
        std::path::Path::new("/media/out/b.mp4")
    );
    assert_eq!(valid.recipe, Recipe::default());
    assert_eq!(valid.idempotency_key.as_deref(), Some("k"));
    assert_eq!(valid.labels.len(), 2);
}

#[test]
fn what_may_be_left_out_may_be_left_out() {
    let valid = validate(
        &request(json!({"output": null, "idempotencyKey": null, "labels": null})),
        &policy(),
    );
    let valid = valid.unwrap();
    assert_eq!((valid.output, valid.idempotency_key), (None, None));
    let no_uri = request(json!({"output": {"uri": "", "overwrite": true}}));
    assert_eq!(validate(&no_uri, &policy()).unwrap().output, None);
}

#[test]
fn the_innermost_root_counts() {
    let valid = request(json!({"videoSource": {"uri": "file:///media/in/deep/a.mp4"}}));
    let place = validate(&valid, &policy()).unwrap().source;
    let root = &place.file().unwrap().root;
    assert_eq!(root, std::path::Path::new("/media/in/deep"));
}

#[test]
fn each_mistake_is_told_with_its_field_and_code() {
    let many: serde_json::Map<_, _> = (0..17).map(|n| (n.to_string(), json!("x"))).collect();
    let table = [
        (json!({"videoSource": null}), "video_source.uri", "MISSING"),
        (
            json!({"videoSource": {"uri": ""}}),
            "video_source.uri",
            "MISSING",
        ),
        (
            json!({"videoSource": {"uri": "/media/in/a.mp4"}}),
            "video_source.uri",
            "URI_MALFORMED",
        ),
        (
            json!({"videoSource": {"uri": "ftp://x/a.mp4"}}),
            "video_source.uri",
            "SCHEME_NOT_OFFERED",
        ),
        (
            json!({"videoSource": {"uri": "https://x/a.mp4"}}),
            "video_source.uri",
            "URL_NOT_ALLOWED",
        ),
        (
            json!({"videoSource": {"uri": "s3://masters/a.mp4"}}),
            "video_source.uri",
            "BUCKET_NOT_ALLOWED",
        ),
        (
            json!({"videoSource": {"uri": "file:///etc/passwd"}}),
            "video_source.uri",
            "OUTSIDE_ROOTS",
        ),
        (
            json!({"videoSource": {"uri": "file:///media/in"}}),
            "video_source.uri",
            "OUTSIDE_ROOTS",
        ),
        (
            json!({"videoSource": {"uri": "file:///media/inside.mp4"}}),
            "video_source.uri",
            "OUTSIDE_ROOTS",
        ),
        (
            json!({"videoSource": {"uri": "file:///media/in/../x"}}),
            "video_source.uri",
            "URI_MALFORMED",
        ),
        (json!({"recipe": null}), "recipe", "MISSING"),
        (
            json!({"recipe": {"codec": null}}),
            "recipe.codec.format",
            "MISSING",
        ),
        (
            json!({"recipe": {"codec": {"format": 0}}}),
            "recipe.codec.format",
            "MISSING",
        ),
        (
            json!({"recipe": {"codec": {"format": 77}}}),
            "recipe.codec.format",
            "UNKNOWN_VALUE",
        ),
        (
            json!({"recipe": {"codec": {"preset": "warp"}}}),
            "recipe.codec.preset",
            "UNKNOWN_VALUE",
        ),
        (
            json!({"recipe": {"codec": {"tune": "film;rm"}}}),
            "recipe.codec.tune",
            "UNKNOWN_VALUE",
        ),
        (
            json!({"recipe": {"codec": {"profile": "main10"}}}),
            "recipe.codec.profile",
            "UNKNOWN_VALUE",
        ),
        (
            json!({"recipe": {"codec": {"level": "9"}}}),
            "recipe.codec.level",
            "UNKNOWN_VALUE",
        ),
        (
            json!({"recipe": {"resolution": {"width": 641, "height": 360}}}),
            "recipe.resolution.width",
            "OUT_OF_RANGE",
        ),
        (
            json!({"recipe": {"resolution": {"shrinkOnly": true}}}),
            "recipe.resolution",
            "MISSING",
        ),
        (
            json!({"recipe": {"namedPreset": "best"}}),
            "recipe.named_preset",
            "UNKNOWN_VALUE",
        ),
        (
            json!({"recipe": {"namedPreset": "web-720p-av1"}}),
            "recipe.named_preset",
            "IMPOSSIBLE_COMBINATION",
        ),
        (
            json!({"recipe": {"container": "CONTAINER_WEBM"}}),
            "recipe.container",
            "IMPOSSIBLE_COMBINATION",
        ),
        (
            json!({"recipe": {"codec": {"bitDepth": 9}}}),
            "recipe.codec.bit_depth",
            "OUT_OF_RANGE",
        ),
        (
            json!({"recipe": {"chunkingDirectives": {"frames": 0}}}),
            "recipe.chunking_directives.frames",
            "OUT_OF_RANGE",
        ),
        (
            json!({"recipe": {"chunkingDirectives": {"durationMs": "1"}}}),
            "recipe.chunking_directives.duration_ms",
            "OUT_OF_RANGE",
        ),
        (
            json!({"recipe": {"chunkingDirectives": {"durationMs": "3600001"}}}),
            "recipe.chunking_directives.duration_ms",
            "OUT_OF_RANGE",
        ),
        (
            json!({"recipe": {"rateControl": {"crf": "NaN"}}}),
            "recipe.rate_control.crf",
            "OUT_OF_RANGE",
        ),
        (
            json!({"recipe": {"rateControl": {"crf": -0.1}}}),
            "recipe.rate_control.crf",
            "OUT_OF_RANGE",
        ),
        (
            json!({"recipe": {"rateControl": {"crf": 51.01}}}),
            "recipe.rate_control.crf",
            "OUT_OF_RANGE",
        ),
        (
            json!({"recipe": {"codec": {"profile": "high"}, "rateControl": {"lossless": true}}}),
            "recipe.codec.profile",
            "IMPOSSIBLE_COMBINATION",
        ),
        (
            json!({"recipe": {"container": 9}}),
            "recipe.container",
            "UNKNOWN_VALUE",
        ),
        (
            json!({"recipe": {"otherTracks": 9}}),
            "recipe.other_tracks",
            "UNKNOWN_VALUE",
        ),
        (
            json!({"output": {"uri": "file:///media/elsewhere/b.mp4"}}),
            "output.uri",
            "OUTSIDE_ROOTS",
        ),
        (
            json!({"output": {"uri": "b.mp4"}}),
            "output.uri",
            "URI_MALFORMED",
        ),
        (
            json!({"output": {"uri": "file:///media/in/a.mp4", "overwrite": true}}),
            "output.uri",
            "OUTPUT_IS_SOURCE",
        ),
        (
            json!({"idempotencyKey": "x".repeat(256)}),
            "idempotency_key",
            "IDEMPOTENCY_KEY_INVALID",
        ),
        (
            json!({"idempotencyKey": "a\nb"}),
            "idempotency_key",
            "IDEMPOTENCY_KEY_INVALID",
        ),
        (json!({"labels": {"": "x"}}), "labels[]", "LABEL_INVALID"),
        (
            json!({"labels": {"a b": "x"}}),
            "labels[a b]",
            "LABEL_INVALID",
        ),
        (
            json!({"labels": {"a": "x\u{1b}[2J"}}),
            "labels[a]",
            "LABEL_INVALID",
        ),
        (
            json!({"labels": {"a": "x".repeat(256)}}),
            "labels[a]",
            "LABEL_INVALID",
        ),
        (json!({"labels": many}), "labels", "TOO_MANY_LABELS"),
    ];
    for (changes, field, code) in table {
        let told = problems(changes.clone());
        assert_eq!(told, [(field.to_owned(), code.to_owned())], "{changes}");
    }
}

#[test]
fn what_is_allowed_at_the_edges_is_allowed() {
    for changes in [
        json!({"recipe": {"rateControl": {"crf": 0}}}),
        json!({"recipe": {"rateControl": {"crf": 51}}}),
        json!({"recipe": {"codec": {"profile": "high444"}, "rateControl": {"lossless": true}}}),
        json!({"recipe": {"chunkingDirectives": {"frames": 1}}}),
        json!({"recipe": {"chunkingDirectives": {"durationMs": "3600000"}}}),
        json!({"recipe": {"codec": null, "namedPreset": "web-720p-av1"}}),
        json!({"recipe": {"codec": {"format": "CODEC_FORMAT_AV1"}, "container": "CONTAINER_WEBM"}}),
        json!({"recipe": {"resolution": {"height": 360}}}),
        json!({"labels": {"a": ""}}),
        json!({"output": {"uri": "file:///media/in/b.mp4"}}),
    ] {
        assert!(
            validate(&request(changes.clone()), &policy()).is_ok(),
            "{changes}"
        );
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let told = problems(json!({
        "videoSource": {"uri": "ftp://x"},
        "recipe": {
            "codec": {"format": null, "preset": "warp"},
            "resolution": {"width": 1},
            "container": 77,
            "rateControl": {"crf": 99},
        },
        "output": {"uri": "file:///etc/b.mp4"},
        "idempotencyKey": "\u{0}",
        "labels": {"a b": "\n"},
    }));
    let fields: Vec<_> = told.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "video_source.uri",
            "recipe.codec.format",
            "recipe.codec.preset",
            "recipe.rate_control.crf",
            "recipe.resolution.width",
            "recipe.container",
            "output.uri",
            "idempotency_key",
            "labels[a b]",
            "labels[a b]",
        ]
    );
}

#[test]
fn nothing_is_allowed_unless_it_is_configured() {
    let problems = validate(&request(json!({})), &Policy::default()).unwrap_err();
    let codes: Vec<_> = problems
        .iter()
        .map(|problem| problem.code.as_str())
        .collect();
    assert_eq!(codes, ["OUTSIDE_ROOTS", "OUTSIDE_ROOTS"]);
}

proptest! {
    #[test]
    fn a_request_passes_or_is_told_why_and_never_leaves_its_roots(
        source in "(file://)?/media/(in|out|\\.\\.|%2e%2e)/[a-z./%]{0,12}",
        output in proptest::option::of("file:///media/(in|out|\\.\\.)/[a-z./]{0,12}"),
        crf in proptest::num::f64::ANY,
        key in ".{0,8}",
    ) {
        let mut request = request(json!({}));
        request.video_source.get_or_insert_default().uri = source;
        request.output.get_or_insert_default().uri = output.unwrap_or_default();
        request.recipe.get_or_insert_default().rate_control = Some(wire::RateControl {
            mode: Some(wire::rate_control::Mode::Crf(crf)),
            ..Default::default()
        }).into();
        request.idempotency_key = key;
        match validate(&request, &policy()) {
            Ok(valid) => {
                let plain = |path: &std::path::Path| !path.to_string_lossy().contains("..")
                    || path.components().all(|part| part.as_os_str() != "..");
                let source = valid.source.file().unwrap().path();
                prop_assert!(source.starts_with("/media/in"));
                prop_assert!(plain(&source));
                prop_assert!((0.0..=51.0).contains(&crf) || crf.abs() < 0.001 || crf < 51.001);
            }
            Err(problems) => prop_assert!(!problems.is_empty()),
        }
    }
}
