//! Planted defects are found.

use std::fs;
use std::path::Path;

use corpus::Clip;
use serde_json::{Value, json};

use crate::stages::{encode, lossless, media, ready};

/// Codes of the discrepancies that validation finds in `video` by the table and recipe of `split`.
fn discrepancies(folder: &Path, video: &Path, split: &Path) -> Vec<String> {
    let (table, recipe) = (
        split.join("output/frames.table"),
        split.join("output/recipe.json"),
    );
    let inputs = [
        ("video", video),
        ("frames.table", &table),
        ("recipe.json", &recipe),
    ];
    let error = media("validate", folder, &json!({"other_tracks": 0}), &inputs).unwrap_err();
    assert_eq!(
        (&error["code"], &error["class"]),
        (&json!("VALIDATION_FAILED"), &json!("function"))
    );
    let code = |cause: &Value| cause["code"].as_str().unwrap().to_owned();
    error["causes"]
        .as_array()
        .unwrap()
        .iter()
        .map(code)
        .collect()
}

#[test]
fn another_videos_frames_are_not_these() {
    if !ready() {
        return;
    }
    let plain = encode(&corpus::clip(Clip::Plain).unwrap(), &lossless(60)).unwrap();
    let tiny = encode(&corpus::clip(Clip::Tiny(7)).unwrap(), &lossless(60)).unwrap();
    let work = plain.folder.path().join("again");
    let found = discrepancies(&work, &plain.video(), &tiny.folder.path().join("split"));
    assert_eq!(found, ["FRAME_COUNT", "FRAME_COUNT"]);
}

#[test]
fn times_of_a_constant_rate_are_not_those_of_a_variable_one() {
    if !ready() {
        return;
    }
    let variable = encode(&corpus::clip(Clip::Vfr).unwrap(), &lossless(100)).unwrap();
    let flat = variable.folder.path().join("flat.mp4");
    let (from, to) = (
        variable.video().display().to_string(),
        flat.display().to_string(),
    );
    let args = [
        "-nostdin",
        "-v",
        "error",
        "-i",
        &from,
        "-c",
        "copy",
        "-bsf:v",
        "setts=ts=N*3003",
        &to,
    ];
    corpus::run("ffmpeg", args).unwrap();
    let work = variable.folder.path().join("again");
    let found = discrepancies(&work, &flat, &variable.folder.path().join("split"));
    assert!(
        found
            .iter()
            .any(|code| code == "TIMESTAMPS" || code == "WRONG_TIME_BASE"),
        "{found:?}"
    );
}

#[test]
fn a_damaged_picture_does_not_decode_cleanly() {
    if !ready() {
        return;
    }
    let encoded = encode(&corpus::clip(Clip::Plain).unwrap(), &lossless(60)).unwrap();
    let mut bytes = encoded.bytes();
    // In several places: a decoder may take one for a picture, where it happens to lie. Ones may be
    // codes of H.264; so many zeros are none.
    for eighth in 1..8 {
        let at = bytes.len() * eighth / 8;
        bytes[at..at + 400].fill(0);
    }
    let damaged = encoded.folder.path().join("damaged.mp4");
    fs::write(&damaged, bytes).unwrap();
    let work = encoded.folder.path().join("again");
    let found = discrepancies(&work, &damaged, &encoded.folder.path().join("split"));
    assert!(
        found.iter().any(|code| code == "UNCLEAN_DECODE"),
        "{found:?}"
    );
}

#[test]
fn a_missing_track_is_missed() {
    if !ready() {
        return;
    }
    let encoded = encode(&corpus::clip(Clip::WithAudio).unwrap(), &lossless(60)).unwrap();
    let work = encoded.folder.path().join("again");
    let found = discrepancies(
        &work,
        &encoded.video(),
        &encoded.folder.path().join("split"),
    );
    assert_eq!(found, ["WRONG_NUMBER_OF_OTHER_TRACKS"]);
}
