//! A quality over the whole file, judged by one measurement of the whole.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use stratum_function::Progress;
use ves_api::function::{PlanResult, QUALITY, QualityParams, QualityPlan, available, quality};
use ves_api::quality::{Goal, Measured, Metric, RateFactorRange, Score, Try, changes};
use ves_api::recipe::Coding;

use crate::judge;
use crate::stages::{Encoded, encode_by, encode_params, encoder, keep, media, ready, with_frames};

/// Frames of the clip: the first half is flat.
const FRAMES: u32 = 48;

/// Flat grey, then a moving picture with some noise; the same on every machine. Its colour is told, which
/// the frames that are measured beside an encode are not: ffmpeg must not convert one to the other.
fn clip(to: &Path) {
    let half = FRAMES / 2;
    let flat = format!("color=gray:s=160x96:r=24,trim=end_frame={half}");
    let moving =
        format!("testsrc2=s=160x96:r=24,noise=alls=12:allf=t:all_seed=7,trim=end_frame={half}");
    let to = to.display().to_string();
    let args = [
        "-nostdin", "-v", "error", "-f", "lavfi", "-i", &flat, "-f", "lavfi", "-i", &moving,
    ];
    let graph = [
        "-filter_complex",
        "[0]format=yuv420p[a];[1]format=yuv420p[b];[a][b]concat=n=2",
    ];
    let bt709 = ["-colorspace", "-color_primaries", "-color_trc"];
    let colour = bt709.into_iter().flat_map(|option| [option, "bt709"]);
    let out = ["-c:v", "ffv1", "-bitexact", "-y", &to];
    let args = args.into_iter().chain(graph).chain(colour).chain(out);
    corpus::run("ffmpeg", args).unwrap();
}

/// Whether this machine measures that; says so loudly when it does not.
fn measures(metric: Metric) -> bool {
    if !ready() {
        return false;
    }
    match available(metric) {
        Err(error) if error.code == "METRIC_UNAVAILABLE" && metric != Metric::Ssim => {
            let title = metric.title();
            corpus::skip(
                "quality target",
                &format!("no ffmpeg that measures {title}"),
            );
            false
        }
        told => told.map(|()| true).unwrap(),
    }
}

fn recipe(format: &str, goal: Goal) -> Value {
    let preset = match format {
        "CODEC_FORMAT_AV1" => "12",
        "CODEC_FORMAT_VP9" => "5",
        _ => "veryfast",
    };
    let metric = format!("QUALITY_METRIC_{}", goal.metric.title());
    json!({
        "codec": {"format": format, "preset": preset},
        "rateControl": {"qualityTarget": {"metric": metric, "score": goal.score.value()}},
        "chunkingDirectives": {"frames": FRAMES / 4, "alignment": "CHUNK_ALIGNMENT_FIXED"},
    })
}

/// The stages as the workflow has them.
fn encode_to(goal: Goal, source: &Path, recipe: &Value) -> (Encoded, QualityPlan) {
    let mut planned = None;
    let encoded = encode_by(source, recipe, |folder, split, chunks| {
        let search = |stage: &str, chunk: &Value, goal: Goal, known: Vec<Try>| {
            search(stage, goal, known, source, split, chunk, folder)
        };
        let found = chunks
            .iter()
            .map(|chunk| search("encode", chunk, goal, vec![]));
        let mut found: Vec<Measured> = found.collect();
        for stage in ["repair", "repair-2"] {
            let level = plan(goal, folder, split).level;
            for (chunk, measured) in chunks.iter().zip(&mut found) {
                let changed = |level: &Score| changes(&range(split), goal, measured, *level);
                if let Some(score) = level.filter(changed) {
                    let known = measured.tried.clone();
                    *measured = search(stage, chunk, Goal { score, ..goal }, known);
                }
            }
        }
        planned = Some(plan(goal, folder, split));
        Ok(())
    });
    (encoded.unwrap(), planned.unwrap())
}

fn search(
    stage: &str,
    goal: Goal,
    known: Vec<Try>,
    source: &Path,
    split: &Value,
    chunk: &Value,
    folder: &Path,
) -> Measured {
    let work = with_frames(stage, source, split, chunk, folder);
    let params = QualityParams {
        encode: encode_params(split, chunk),
        goal,
        range: range(split),
        known,
        chunk: serde_json::from_value(chunk.clone()).unwrap(),
    };
    let measured = quality(&work, params, &mut Progress::silent(), encoder(split)).unwrap();
    let list = folder.join("quality");
    fs::create_dir_all(&list).unwrap();
    let to = list.join(format!("{:08}.json", measured.chunk.index));
    fs::rename(work.output(QUALITY), to).unwrap();
    keep(&work, chunk, folder);
    measured
}

fn range(split: &Value) -> RateFactorRange {
    let coding = Coding::named(split["codec"].as_str().unwrap());
    RateFactorRange::of(coding.unwrap())
}

fn plan(goal: Goal, folder: &Path, split: &Value) -> QualityPlan {
    let list = folder.join("quality");
    let params = json!({"target_bits": 0, "quality": [goal, range(split)]});
    let planned = media("plan", &folder.join("plan"), &params, &[("quality", &list)]);
    let planned: PlanResult = serde_json::from_value(planned.unwrap()).unwrap();
    planned.quality.unwrap()
}

/// Samples as they are, in their order.
const PLAIN: &str = "setparams=colorspace=unknown,settb=1,setpts=N";

/// One measurement over the whole of both files, as ffmpeg sums it up.
fn whole_file(metric: Metric, encoded: &Path, source: &Path, filters: &str) -> Score {
    let graph = format!(
        "[0:v]{PLAIN}[a];[1:v]{filters}{PLAIN}[b];[a][b]{}",
        metric.filter()
    );
    let path = |path: &Path| path.display().to_string();
    let args = [
        "-nostdin",
        "-hide_banner",
        "-i",
        &path(encoded),
        "-i",
        &path(source),
    ];
    let mut ffmpeg = Command::new(tool());
    ffmpeg
        .args(args)
        .args(["-lavfi", &graph, "-f", "null", "/dev/null"]);
    let done = ffmpeg.output().unwrap();
    let log = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{log}");
    let after = match metric {
        Metric::Vmaf => "VMAF score: ",
        Metric::Ssim => "All:",
        Metric::Xpsnr => "y: ",
    };
    let last = log.lines().rev().find(|line| line.contains(after)).unwrap();
    let value = last.split(after).nth(1).unwrap().split_whitespace().next();
    Score::new(value.unwrap().parse().unwrap())
}

/// As the functions have it.
fn tool() -> String {
    let told = std::env::var("COSMOS_TOOL_FFMPEG_QUALITY").ok();
    let installed = ["ffmpeg-quality", "ffmpeg"]
        .into_iter()
        .find(|tool| corpus::have(tool));
    told.unwrap_or_else(|| installed.unwrap().to_owned())
}

/// By an independent measurement; what it finds is what was told.
fn check(format: &str, goal: Goal) {
    if !measures(goal.metric) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("it's a [source], 1:1.mkv");
    clip(&source);
    let (encoded, measured) = encode_to(goal, &source, &recipe(format, goal));
    judge::accept(&encoded);
    let score = whole_file(goal.metric, &encoded.video(), &source, "");
    assert!(goal.is_met(score), "{goal}: {score:?}, {measured:?}");
    let told = measured.score;
    let apart = told.distance(score).value();
    assert!(
        apart <= goal.metric.tolerance().value() / 2.0,
        "{told:?}, {score:?}"
    );
}

fn goal(metric: Metric, score: f64) -> Goal {
    Goal::new(metric, score).unwrap()
}

#[test]
fn avc_meets_a_vmaf_though_half_of_it_is_flat() {
    check("CODEC_FORMAT_AVC", goal(Metric::Vmaf, 90.0));
}

#[test]
fn hevc_meets_an_ssim_though_half_of_it_is_flat() {
    check("CODEC_FORMAT_HEVC", goal(Metric::Ssim, 0.95));
}

#[test]
fn vp9_meets_an_xpsnr_though_half_of_it_is_flat() {
    check("CODEC_FORMAT_VP9", goal(Metric::Xpsnr, 42.0));
}

#[test]
fn av1_meets_an_ssim_though_half_of_it_is_flat() {
    check("CODEC_FORMAT_AV1", goal(Metric::Ssim, 0.95));
}

/// As good as it can be is not another profile, as parts without any loss would have.
#[test]
fn avc_stays_lossy_whatever_is_asked_for() {
    check("CODEC_FORMAT_AVC", goal(Metric::Ssim, 1.0));
}
