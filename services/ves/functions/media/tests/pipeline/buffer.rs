//! A decoder's buffer over the whole file: half of it flat, half of it noise.

use std::path::Path;

use serde_json::{Value, json};
use ves_api::function::{PlanResult, SplitResult};
use ves_api::rate::{Share, Shares};

use crate::bitrate::{FRAMES, clip, plan, second_pass, survey, usual_crf};
use crate::judge;
use crate::stages::{Encoded, encode_by, keep, media, ready, run_encoder, with_frames};

/// Bits in a second, and in the buffer.
const CAP: (u64, u64) = (500_000, 400_000);
const BITRATE: u64 = 220_000;

/// In chunks of so many frames.
fn recipe(format: &str, frames: u32, mut rate: Value) -> Value {
    rate["maxBitrate"] = json!(CAP.0);
    rate["buffer"] = json!(CAP.1);
    json!({
        "codec": {"format": format, "preset": "veryfast"},
        "rateControl": rate,
        "chunkingDirectives": {"frames": frames, "alignment": "CHUNK_ALIGNMENT_FIXED"},
    })
}

/// Frames that a decoder does not have in time, by the sizes of the file's packets alone.
fn late(video: &Path) -> usize {
    let words = "-v error -select_streams v:0 -show_entries packet=size -of csv=p=0";
    let video = video.display().to_string();
    let packets = corpus::run("ffprobe", words.split(' ').chain([video.as_str()])).unwrap();
    let packets = String::from_utf8(packets).unwrap();
    let sizes = packets.lines().map(|line| line.trim_matches(','));
    let sizes: Vec<u64> = sizes.filter_map(|size| size.parse().ok()).collect();
    assert_eq!(sizes.len() as u64, FRAMES);
    // 24ths of a bit, as 24 frames are shown in a second.
    let (mut level, mut late) = (CAP.1 * 24, 0);
    for size in sizes {
        let bits = size * 8 * 24;
        late += usize::from(bits > level);
        level = (level.saturating_sub(bits) + CAP.0).min(CAP.1 * 24);
    }
    late
}

fn settle(folder: &Path, split: &Value, told: &Shares, last: bool) -> Shares {
    let at = |name: &str| folder.join(name);
    let (surveys, units) = (at("surveys"), at("units"));
    let table = at("split/output/frames.table");
    let mut inputs = vec![("units", units.as_path()), ("frames.table", &table)];
    if surveys.exists() {
        inputs.push(("surveys", &surveys));
    }
    planned(folder, split, Some(told), last, &inputs)
}

fn planned(
    folder: &Path,
    split: &Value,
    told: Option<&Shares>,
    last: bool,
    inputs: &[(&str, &Path)],
) -> Shares {
    let (target, buffer) = (&split["target_bits"], &split["buffer"]);
    let mut params = json!({"target_bits": target, "buffer": buffer, "timed": true, "last": last});
    if let Some(told) = told {
        params["shares"] = serde_json::to_value(told).unwrap();
    }
    let plan = media("plan", &folder.join("settle"), &params, inputs).unwrap();
    let plan: PlanResult = serde_json::from_value(plan).unwrap();
    plan.shares.unwrap()
}

/// Encodes what has another share than before; how many that were.
fn encode_changed(
    before: Option<&Shares>,
    shares: &Shares,
    mut encode: impl FnMut(usize, Share) -> Result<(), Value>,
) -> Result<usize, Value> {
    let is_new = |index: &usize| before.is_none_or(|before| before.0[*index] != shares.0[*index]);
    let changed: Vec<usize> = (0..shares.0.len()).filter(is_new).collect();
    for index in &changed {
        encode(*index, shares.0[*index])?;
    }
    Ok(changed.len())
}

/// As the workflow has it; how many chunks were encoded again is told too.
fn encode_capped(format: &str, source: &Path) -> (Encoded, usize) {
    let mut again = 0;
    let encoded = encode_by(
        source,
        &recipe(format, 18, json!({"crf": 20})),
        |folder, split, chunks| {
            let facts: SplitResult = serde_json::from_value(split.clone()).unwrap();
            let mut encode = |index: usize, share: Share| {
                let work = with_frames("encode", source, split, &chunks[index], folder);
                run_encoder(&work, split, &chunks[index], None, facts.buffer(share))?;
                keep(&work, &chunks[index], folder);
                Ok(())
            };
            let mut told = Shares(vec![Share::UNKNOWN; chunks.len()]);
            encode_changed(None, &told, &mut encode)?;
            for last in [false, true] {
                let settled = settle(folder, split, &told, last);
                again += encode_changed(Some(&told), &settled, &mut encode)?;
                told = settled;
            }
            Ok(())
        },
    );
    (encoded.unwrap(), again)
}

fn encode_to_bitrate(format: &str, source: &Path) -> Encoded {
    let encoded = encode_by(
        source,
        &recipe(format, 36, json!({"bitrate": BITRATE})),
        |folder, split, chunks| {
            let facts: SplitResult = serde_json::from_value(split.clone()).unwrap();
            survey("survey", source, split, chunks, usual_crf(split), folder);
            let aim = plan(folder, split);
            let surveys = survey("analysis", source, split, chunks, aim.crf, folder);
            let mut encode = |index: usize, share: Share| {
                let (chunk, survey) = (&chunks[index], &surveys[index]);
                let budget = survey.cost.bits(share.scale);
                let buffer = facts.buffer(share);
                second_pass(source, split, chunk, survey, budget, buffer, folder)
            };
            let at = |name: &str| folder.join(name);
            let (found, costs) = (at("surveys"), at("costs"));
            let table = at("split/output/frames.table");
            let inputs = [
                ("surveys", found.as_path()),
                ("costs", &costs),
                ("frames.table", &table),
            ];
            let mut told = planned(folder, split, None, false, &inputs);
            encode_changed(None, &told, &mut encode)?;
            for last in [false, true] {
                let settled = settle(folder, split, &told, last);
                encode_changed(Some(&told), &settled, &mut encode)?;
                told = settled;
            }
            Ok(())
        },
    );
    encoded.unwrap()
}

#[test]
fn a_capped_quality_has_every_frame_in_time() {
    cap_quality("CODEC_FORMAT_AVC");
}

#[test]
fn a_capped_quality_of_hevc_has_every_frame_in_time() {
    cap_quality("CODEC_FORMAT_HEVC");
}

fn cap_quality(format: &str) {
    if !ready() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source.mkv");
    clip(&source);
    let (encoded, again) = encode_capped(format, &source);
    judge::accept(&encoded);
    assert_eq!(late(&encoded.video()), 0);
    assert!(
        again > 0,
        "no chunk was told too much: the clip is too easy"
    );
}

#[test]
fn a_capped_bitrate_is_met_with_every_frame_in_time() {
    cap_bitrate("CODEC_FORMAT_AVC");
}

#[test]
fn a_capped_bitrate_of_hevc_is_met_with_every_frame_in_time() {
    cap_bitrate("CODEC_FORMAT_HEVC");
}

fn cap_bitrate(format: &str) {
    if !ready() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source.mkv");
    clip(&source);
    let encoded = encode_to_bitrate(format, &source);
    judge::accept(&encoded);
    assert_eq!(late(&encoded.video()), 0);
    let bits = encoded.assembled["video_bytes"].as_u64().unwrap() * 8;
    let target = BITRATE * FRAMES / 24;
    assert!(bits.abs_diff(target) <= target / 50, "{bits} of {target}");
}
