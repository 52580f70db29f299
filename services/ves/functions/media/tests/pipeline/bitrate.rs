//! A bitrate over the whole file: half of it flat, half of it noise.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use stratum_function::{Progress, WorkDir};
use ves_api::function::{
    COSTS, ChunkBuffer, PlanResult, SURVEY, SplitResult, Survey, SurveyParams,
};

use ves_api::rate::Corrections;
use ves_api::recipe::Coding;

use crate::judge;
use crate::stages::{Encoded, encode, encode_by, keep, media, ready, run_encoder, with_frames};

/// Bits in a second.
const BITRATE: u64 = 400_000;
/// Frames of the clip: the first half is flat. 24 are shown in a second.
pub(crate) const FRAMES: u64 = 144;

fn recipe(format: &str, bitrate: u64) -> Value {
    // Over a second or two, libvpx misses by as much as a tenth.
    let (preset, frames) = match format {
        "CODEC_FORMAT_VP9" => ("5", FRAMES / 2),
        _ => ("veryfast", FRAMES / 4),
    };
    json!({
        "codec": {"format": format, "preset": preset},
        "rateControl": {"bitrate": bitrate},
        "chunkingDirectives": {"frames": frames, "alignment": "CHUNK_ALIGNMENT_FIXED"},
    })
}

/// The stages as the workflow has them: two first passes over every chunk, a second, and others of
/// what makes the whole miss its target.
fn encode_to_bitrate(format: &str, source: &Path) -> Encoded {
    let encoded = encode_by(source, &recipe(format, BITRATE), |folder, split, chunks| {
        survey("survey", source, split, chunks, usual_crf(split), folder);
        let aim = plan(folder, split);
        let surveys = survey("analysis", source, split, chunks, aim.crf, folder);
        let planned = plan(folder, split);
        for (chunk, survey) in chunks.iter().zip(&surveys) {
            let budget = survey.cost.bits(planned.scale);
            second_pass(source, split, chunk, survey, budget, None, folder)?;
        }
        let mut told = Corrections::new();
        for _ in ["settler", "settler-2"] {
            let settled = settle(folder, split, &told).corrections;
            let is_new = |(index, budget): &(&u64, &u64)| told.get(index) != Some(budget);
            for (index, budget) in settled.iter().filter(is_new) {
                let (chunk, survey) = (&chunks[*index as usize], &surveys[*index as usize]);
                second_pass(source, split, chunk, survey, *budget, None, folder)?;
            }
            told = settled;
        }
        Ok(())
    });
    encoded.unwrap()
}

/// In thousandths.
pub(crate) fn usual_crf(split: &Value) -> u32 {
    let coding = Coding::named(split["codec"].as_str().unwrap()).unwrap();
    coding.rate_factors.usual
}

pub(crate) fn survey(
    stage: &str,
    source: &Path,
    split: &Value,
    chunks: &[Value],
    crf: u32,
    folder: &Path,
) -> Vec<Survey> {
    let one = |chunk: &Value| {
        let work = with_frames(stage, source, split, chunk, folder);
        let params = SurveyParams {
            chunk: serde_json::from_value(chunk.clone()).unwrap(),
            frame_rate: split["frame_rate"].as_str().unwrap().into(),
            input_frame_rate: None,
            encoder_args: serde_json::from_value(split["encoder_args"].clone()).unwrap(),
            filter_graph: String::new(),
            crf,
        };
        let survey = match split["codec"].as_str().unwrap() {
            "avc" => ves_avc::survey,
            "hevc" => ves_hevc::survey,
            "vp9" => ves_vp9::survey,
            other => panic!("no function surveys {other}"),
        };
        let survey = survey(&work, params, &mut Progress::silent()).unwrap();
        for (list, name) in [("surveys", SURVEY), ("costs", COSTS)] {
            let list = folder.join(list);
            fs::create_dir_all(&list).unwrap();
            let to = list.join(format!("{:08}.json", chunk["index"]));
            fs::copy(work.output(name), to).unwrap();
        }
        survey
    };
    chunks.iter().map(one).collect()
}

/// By the surveys, and by the units of chunks that have been encoded.
pub(crate) fn plan(folder: &Path, split: &Value) -> PlanResult {
    settle(folder, split, &Corrections::new())
}

fn settle(folder: &Path, split: &Value, told: &Corrections) -> PlanResult {
    let (surveys, units) = (folder.join("surveys"), folder.join("units"));
    let mut inputs = vec![("surveys", surveys.as_path())];
    if units.exists() {
        inputs.push(("units", &units));
    }
    let params = json!({"target_bits": split["target_bits"], "corrected": told});
    serde_json::from_value(media("plan", &folder.join("plan"), &params, &inputs).unwrap()).unwrap()
}

pub(crate) fn second_pass(
    source: &Path,
    split: &Value,
    chunk: &Value,
    survey: &Survey,
    budget: u64,
    buffer: Option<ChunkBuffer>,
    folder: &Path,
) -> Result<(), Value> {
    let work = with_frames("encode", source, split, chunk, folder);
    let surveyed = WorkDir::new(folder.join(format!("analysis-{}", chunk["index"])));
    for entry in fs::read_dir(surveyed.output("")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if ![SURVEY, COSTS].contains(&name.as_str()) {
            fs::copy(surveyed.output(&name), work.input(&name)).unwrap();
        }
    }
    let facts: SplitResult = serde_json::from_value(split.clone()).unwrap();
    let frames = survey.chunk.end - survey.chunk.start;
    let bitrate = facts.bitrate(budget, survey.cost, frames).unwrap();
    run_encoder(&work, split, chunk, Some(bitrate), buffer)?;
    keep(&work, chunk, folder);
    Ok(())
}

/// Flat grey, then noise; the same on every machine.
pub(crate) fn clip(to: &Path) {
    let seconds = FRAMES / 48;
    let flat = format!("color=gray:s=160x96:r=24:d={seconds}");
    let noise = format!("{flat},noise=alls=40:allf=t:all_seed=7");
    let to = to.display().to_string();
    let args = [
        "-nostdin", "-v", "error", "-f", "lavfi", "-i", &flat, "-f", "lavfi", "-i", &noise,
    ];
    let args = args
        .into_iter()
        .chain(["-filter_complex", "concat=n=2,format=yuv420p"]);
    let args = args.chain(["-c:v", "ffv1", "-bitexact", "-y", &to]);
    corpus::run("ffmpeg", args).unwrap();
}

/// One encoder over the whole file, in two passes, to so many bits in a second.
fn whole_file(source: &Path, split: &Value, bits: u64, folder: &Path) -> PathBuf {
    let (source, to) = (source.display().to_string(), folder.join("whole.mkv"));
    let statistics = folder.join("whole").display().to_string();
    for (pass, out) in [
        ("1", "/dev/null".to_owned()),
        ("2", to.display().to_string()),
    ] {
        let before = ["-nostdin", "-v", "error", "-y", "-i", &source].map(str::to_owned);
        let after = ["-b:v", &bits.to_string(), "-f", "matroska", &out].map(str::to_owned);
        let args = in_pass(split, pass, &statistics);
        corpus::run("ffmpeg", before.into_iter().chain(args).chain(after)).unwrap();
    }
    to
}

fn in_pass(split: &Value, pass: &str, statistics: &str) -> Vec<String> {
    let mut args: Vec<String> = serde_json::from_value(split["encoder_args"].clone()).unwrap();
    match args.iter().position(|arg| arg == "-x265-params") {
        Some(at) => args[at + 1].push_str(&format!(":pass={pass}:stats={statistics}")),
        None => args.extend(["-pass", pass, "-passlogfile", statistics].map(str::to_owned)),
    }
    args
}

/// PSNR of the noisy half, in dB.
fn noisy_psnr(encoded: &Path, source: &Path) -> f64 {
    let half = format!("trim=start_frame={},settb=1,setpts=N", FRAMES / 2);
    let graph = format!("[0:v]{half}[a];[1:v]{half}[b];[a][b]psnr=stats_file=-");
    let (encoded, source) = (encoded.display().to_string(), source.display().to_string());
    let args = [
        "-nostdin", "-v", "error", "-i", &encoded, "-i", &source, "-lavfi", &graph,
    ];
    let args = args.into_iter().chain(["-f", "null", "/dev/null"]);
    let lines = String::from_utf8(corpus::run("ffmpeg", args).unwrap()).unwrap();
    let errors: Vec<f64> = lines
        .lines()
        .filter_map(|line| line.split("mse_y:").nth(1)?.split(' ').next()?.parse().ok())
        .collect();
    assert_eq!(errors.len() as u64, FRAMES / 2);
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    10.0 * (255.0_f64.powi(2) / mean).log10()
}

#[test]
fn the_whole_meets_its_bitrate_and_is_as_good_as_by_one_x264() {
    compare("CODEC_FORMAT_AVC");
}

#[test]
fn the_whole_meets_its_bitrate_and_is_as_good_as_by_one_x265() {
    compare("CODEC_FORMAT_HEVC");
}

#[test]
fn the_whole_meets_its_bitrate_and_is_as_good_as_by_one_libvpx() {
    compare("CODEC_FORMAT_VP9");
}

fn compare(format: &str) {
    if !ready() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source.mkv");
    clip(&source);
    let encoded = encode_to_bitrate(format, &source);
    judge::accept(&encoded);
    let bits = encoded.assembled["video_bytes"].as_u64().unwrap() * 8;
    let target = BITRATE * FRAMES / 24;
    assert!(bits.abs_diff(target) <= target / 50, "{bits} of {target}");
    let same_size = bits * 24 / FRAMES;
    let whole = whole_file(&source, &encoded.split, same_size, folder.path());
    let (ours, theirs) = (
        noisy_psnr(&encoded.video(), &source),
        noisy_psnr(&whole, &source),
    );
    assert!(
        ours > theirs - 0.1,
        "{ours} dB by chunks, {theirs} dB as a whole"
    );
}

#[test]
fn a_bitrate_beyond_all_bounds_and_one_for_another_encoder_are_refused() {
    if !ready() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source.mkv");
    clip(&source);
    let refused = |recipe: Value| encode(&source, &recipe).err().unwrap();
    let avc = recipe("CODEC_FORMAT_AVC", 12);
    assert_eq!(refused(avc)["code"], "OUT_OF_RANGE");
    let mut other = recipe("CODEC_FORMAT_AV1", BITRATE);
    other["codec"]["preset"] = json!("8");
    let error = refused(other);
    assert_eq!(error["code"], "IMPOSSIBLE_COMBINATION");
    assert_eq!(error["field"], "recipe.rate_control.bitrate");
}
