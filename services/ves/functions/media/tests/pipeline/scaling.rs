//! Resized pictures do not depend on where the video was cut.

use corpus::Clip;
use serde_json::{Value, json};

use crate::stages::{encode, lossless, ready};

fn frames(clip: Clip, recipe: &Value) -> Vec<String> {
    let encoded = encode(&corpus::clip(clip).unwrap(), recipe).unwrap();
    assert!(
        encoded.validated.is_ok(),
        "{clip:?}: {:?}",
        encoded.validated
    );
    corpus::framemd5(&encoded.video()).unwrap()
}

fn assert_independent_of_cuts(clip: Clip, resolution: &Value, bit_depth: u32) {
    let [chunked, whole] = [23, 1000].map(|chunk| {
        let mut recipe = lossless(chunk);
        recipe["resolution"] = resolution.clone();
        recipe["codec"]["bitDepth"] = json!(bit_depth);
        frames(clip, &recipe)
    });
    assert!(chunked == whole, "{clip:?}");
}

#[test]
fn pictures_are_resized_alike_in_chunks_and_as_a_whole() {
    if ready() {
        assert_independent_of_cuts(Clip::Plain, &json!({"height": 120}), 0);
        let lanczos = json!({"width": 640, "height": 360, "kernel": "SCALING_KERNEL_LANCZOS"});
        assert_independent_of_cuts(Clip::Plain, &lanczos, 0);
    }
}

#[test]
fn depth_changes_alike_in_chunks_and_as_a_whole() {
    if ready() {
        assert_independent_of_cuts(Clip::Plain, &Value::Null, 10);
        assert_independent_of_cuts(Clip::HighBitDepth, &Value::Null, 8);
    }
}

#[test]
fn kernels_differ_and_a_small_source_may_keep_its_size() {
    if !ready() {
        return;
    }
    let of = |resolution: Value| {
        let mut recipe = lossless(1000);
        recipe["resolution"] = resolution;
        frames(Clip::Tiny(7), &recipe)
    };
    let bicubic = of(json!({"height": 90}));
    assert_ne!(
        bicubic,
        of(json!({"height": 90, "kernel": "SCALING_KERNEL_LANCZOS"}))
    );
    let source = corpus::framemd5(&corpus::clip(Clip::Tiny(7)).unwrap()).unwrap();
    assert_eq!(of(json!({"height": 1080, "shrinkOnly": true})), source);
}
