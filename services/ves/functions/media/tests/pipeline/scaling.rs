//! Resized pictures do not depend on where the video was cut.

use corpus::Clip;
use serde_json::{Value, json};

use crate::judge;
use crate::stages::{encode, lossless, ready};

fn frames(clip: Clip, recipe: &Value) -> Vec<String> {
    let encoded = encode(&corpus::clip(clip).unwrap(), recipe).unwrap();
    judge::accept(&encoded);
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

#[test]
fn pictures_are_cropped_and_padded_alike_in_chunks_and_as_a_whole() {
    if !ready() {
        return;
    }
    let [chunked, whole] = [23, 1000].map(|chunk| frames(Clip::Plain, &letterboxed(chunk)));
    assert!(chunked == whole);
}

fn letterboxed(chunk: u32) -> Value {
    let mut recipe = lossless(chunk);
    recipe["crop"] = json!({"left": 20, "top": 10, "right": 21, "bottom": 11});
    recipe["resolution"] = json!({"height": 120, "kernel": "SCALING_KERNEL_SPLINE"});
    recipe["padding"] = json!({"top": 30, "bottom": 30, "left": 4});
    recipe
}

#[test]
fn what_is_kept_of_a_picture_is_as_it_was() {
    if !ready() {
        return;
    }
    let mut recipe = lossless(23);
    recipe["crop"] = json!({"left": 20, "top": 10, "right": 40, "bottom": 30});
    let source = corpus::clip(Clip::Plain).unwrap();
    let cropped = framemd5(&source, "crop=260:140:20:10:exact=1");
    assert_eq!(frames(Clip::Plain, &recipe), cropped);
    recipe["padding"] = json!({"left": 8, "top": 6, "right": 2, "bottom": 4});
    let encoded = encode(&source, &recipe).unwrap();
    judge::accept(&encoded);
    assert_eq!(
        framemd5(&encoded.video(), "crop=260:140:8:6:exact=1"),
        cropped
    );
}

/// Of the frames of a video after a filter.
fn framemd5(video: &std::path::Path, filter: &str) -> Vec<String> {
    let video = video.display().to_string();
    let args = ["-nostdin", "-v", "error", "-i", &video, "-vf", filter];
    let args = args
        .into_iter()
        .chain(["-fps_mode", "passthrough", "-f", "framemd5", "-"]);
    let out = String::from_utf8(corpus::run("ffmpeg", args).unwrap()).unwrap();
    let lines = out.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| Some(line.rsplit(',').next()?.trim().to_owned()))
        .collect()
}
