//! VES beside one ffmpeg process with the same encoder settings, in alternating runs.
//!
//! Every run starts from nothing: no chunk is reused. Published is the ratio of medians.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use bench::machine::{self, Machine};
use bench::process::{self, Run};
use bench::stats::{Spread, spread};
use clap::{Parser, ValueEnum};
use serde::{Deserialize, Serialize};

/// Measure VES beside one ffmpeg process.
#[derive(Parser)]
struct Args {
    /// Clip to encode.
    #[arg(long)]
    clip: PathBuf,
    /// Alternating runs of each.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Length of a chunk.
    #[arg(long, default_value = "10s")]
    chunk: String,
    /// Codecs to measure.
    #[arg(long, value_delimiter = ',', default_value = "avc,av1")]
    codecs: Vec<CodecName>,
    /// Rate factor of AVC.
    #[arg(long, default_value_t = 23)]
    crf: u32,
    /// Encoder preset of AVC.
    #[arg(long, default_value = "medium")]
    preset: String,
    /// Rate factor of AV1.
    #[arg(long, default_value_t = 35)]
    av1_crf: u32,
    /// Encoder preset of AV1.
    #[arg(long, default_value = "8")]
    av1_preset: String,
    /// Measure on a busy machine. Such figures are not for publication.
    #[arg(long)]
    accept_load: bool,
    /// Print JSON only.
    #[arg(long)]
    json: bool,
}

/// A codec that is measured.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
enum CodecName {
    Avc,
    Av1,
}

/// A codec with what both sides are told.
#[derive(Clone, Copy)]
struct Codec<'a> {
    name: &'static str,
    /// Of ffmpeg.
    encoder: &'static str,
    crf: u32,
    preset: &'a str,
}

impl Args {
    fn codec(&self, name: CodecName) -> Codec<'_> {
        let (name, encoder, crf, preset) = match name {
            CodecName::Avc => ("avc", "libx264", self.crf, &self.preset),
            CodecName::Av1 => ("av1", "libsvtav1", self.av1_crf, &self.av1_preset),
        };
        Codec {
            name,
            encoder,
            crf,
            preset,
        }
    }
}

#[derive(Serialize)]
struct Report {
    machine: Machine,
    clip: String,
    settings: BTreeMap<&'static str, String>,
    codecs: BTreeMap<CodecName, CodecReport>,
}

#[derive(Serialize)]
struct CodecReport {
    wall_vs_ffmpeg: f64,
    wall_validated_vs_ffmpeg: f64,
    wall_vs_ideal: f64,
    cpu_vs_ffmpeg: f64,
    size_vs_ffmpeg: f64,
    psnr_db: f64,
    psnr_db_ffmpeg: f64,
    frames: u64,
    chunks: u64,
    ours: Vec<Ours>,
    ffmpeg: Vec<Run>,
    ours_assembled_s: Option<Spread>,
    ours_validated_s: Option<Spread>,
    ffmpeg_s: Option<Spread>,
}

#[derive(Clone, Serialize)]
struct Ours {
    /// Until the assembled file was there.
    assembled_s: f64,
    /// Until it was validated and published: the whole command.
    validated_s: f64,
    /// Processor time of the whole command.
    cpu_s: f64,
    /// Processor time of encoders and decoders alone.
    media_cpu_s: f64,
    /// `media_cpu_s` over all processors: nothing can be faster.
    ideal_s: f64,
}

/// The events of `ves encode --json` that matter here.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event {
    Stage {
        stage: String,
        state: String,
        elapsed_ms: u64,
    },
    Finished {
        frames: u64,
        chunks_encoded: u64,
        chunks_reused: u64,
        encode_cpu_ms: u64,
        decode_cpu_ms: u64,
    },
    #[serde(other)]
    Other,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let machine = Machine::quiet(args.accept_load)?;
    let scratch = tempfile::tempdir()?;
    let measured = args.codecs.iter().map(|name| {
        let report = measure(&args, args.codec(*name), scratch.path())?;
        Ok((*name, report))
    });
    let codecs = measured.collect::<Result<_>>()?;
    let report = Report {
        machine,
        clip: args
            .clip
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        settings: settings(&args),
        codecs,
    };
    println!(
        "{}",
        if args.json {
            serde_json::to_string(&report)?
        } else {
            serde_json::to_string_pretty(&report)?
        }
    );
    Ok(())
}

fn settings(args: &Args) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("chunk", args.chunk.clone()),
        ("crf", args.crf.to_string()),
        ("preset", args.preset.clone()),
        ("av1_crf", args.av1_crf.to_string()),
        ("av1_preset", args.av1_preset.clone()),
        ("workers", machine::processors().to_string()),
        ("runs", args.runs.to_string()),
    ])
}

fn measure(args: &Args, codec: Codec<'_>, scratch: &Path) -> Result<CodecReport> {
    let (our_file, their_file) = (scratch.join("ours.mp4"), scratch.join("ffmpeg.mp4"));
    let (mut ours, mut theirs, mut last) = (Vec::new(), Vec::new(), None);
    for run in 0..args.runs {
        eprintln!("{}: run {} of {}", codec.name, run + 1, args.runs);
        theirs.push(process::run(&mut ffmpeg_encode(args, codec, &their_file))?);
        let (times, counts) = our_run(args, codec, scratch, &our_file)?;
        ours.push(times);
        last = Some(counts);
    }
    let counts = last.context("--runs must be at least 1")?;
    report(args, ours, theirs, counts, &our_file, &their_file)
}

struct Counts {
    frames: u64,
    chunks: u64,
}

fn our_run(args: &Args, codec: Codec<'_>, scratch: &Path, output: &Path) -> Result<(Ours, Counts)> {
    let state = tempfile::tempdir_in(scratch)?;
    let _ = std::fs::remove_file(output);
    let run = process::run(&mut ves_encode(args, codec, state.path(), output)?)?;
    let (mut assembled_s, mut finished) = (None, None);
    for line in run.stdout.lines() {
        match serde_json::from_str(line).with_context(|| line.to_owned())? {
            Event::Stage {
                stage,
                state,
                elapsed_ms,
            } if stage == "assembler" && state == "succeeded" => {
                assembled_s = Some(elapsed_ms as f64 / 1e3);
            }
            Event::Finished {
                frames,
                chunks_encoded,
                chunks_reused,
                encode_cpu_ms,
                decode_cpu_ms,
            } => {
                ensure!(
                    chunks_reused == 0,
                    "chunks were reused: the run did not start from nothing"
                );
                finished = Some((
                    Counts {
                        frames,
                        chunks: chunks_encoded,
                    },
                    encode_cpu_ms + decode_cpu_ms,
                ));
            }
            _ => {}
        }
    }
    let (counts, media_cpu_ms) = finished.context("ves did not say that it finished")?;
    let media_cpu_s = media_cpu_ms as f64 / 1e3;
    let times = Ours {
        assembled_s: assembled_s.context("ves did not say when the file was assembled")?,
        validated_s: run.wall_s,
        cpu_s: run.cpu_s,
        media_cpu_s,
        ideal_s: media_cpu_s / machine::processors() as f64,
    };
    Ok((times, counts))
}

fn ves_encode(args: &Args, codec: Codec<'_>, state: &Path, output: &Path) -> Result<Command> {
    let ves = std::env::current_exe()?.with_file_name("ves");
    let mut command = Command::new(ves);
    command
        .arg("encode")
        .arg(&args.clip)
        .arg("-o")
        .arg(output)
        .arg("--state")
        .arg(state);
    command.args([
        "--codec",
        codec.name,
        "--crf",
        &codec.crf.to_string(),
        "--preset",
        codec.preset,
        "--chunk",
        &args.chunk,
    ]);
    command.args(["--tracks", "none", "--json"]);
    command.args(["--workers", &machine::processors().to_string()]);
    Ok(command)
}

fn ffmpeg_encode(args: &Args, codec: Codec<'_>, output: &Path) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y", "-i"]).arg(&args.clip);
    command.args([
        "-map",
        "0:v:0",
        "-fps_mode",
        "passthrough",
        "-c:v",
        codec.encoder,
    ]);
    command
        .args(["-crf", &codec.crf.to_string(), "-preset", codec.preset])
        .arg(output);
    command
}

fn report(
    args: &Args,
    ours: Vec<Ours>,
    ffmpeg: Vec<Run>,
    counts: Counts,
    our_file: &Path,
    their_file: &Path,
) -> Result<CodecReport> {
    let median = |values: Vec<f64>| spread(values).map(|s| s.median).unwrap_or(f64::NAN);
    let of = |pick: fn(&Ours) -> f64| median(ours.iter().map(pick).collect());
    let peer_wall = median(ffmpeg.iter().map(|run| run.wall_s).collect());
    let peer_cpu = median(ffmpeg.iter().map(|run| run.cpu_s).collect());
    Ok(CodecReport {
        wall_vs_ffmpeg: of(|run| run.assembled_s) / peer_wall,
        wall_validated_vs_ffmpeg: of(|run| run.validated_s) / peer_wall,
        wall_vs_ideal: of(|run| run.assembled_s / run.ideal_s),
        cpu_vs_ffmpeg: of(|run| run.cpu_s) / peer_cpu,
        size_vs_ffmpeg: size(our_file)? / size(their_file)?,
        psnr_db: psnr(our_file, &args.clip)?,
        psnr_db_ffmpeg: psnr(their_file, &args.clip)?,
        frames: counts.frames,
        chunks: counts.chunks,
        ours_assembled_s: spread(ours.iter().map(|run| run.assembled_s)),
        ours_validated_s: spread(ours.iter().map(|run| run.validated_s)),
        ffmpeg_s: spread(ffmpeg.iter().map(|run| run.wall_s)),
        ours,
        ffmpeg,
    })
}

fn size(path: &Path) -> Result<f64> {
    Ok(std::fs::metadata(path)?.len() as f64)
}

/// Mean PSNR over all planes and frames, as ffmpeg's psnr filter has it, in dB.
fn psnr(encoded: &Path, source: &Path) -> Result<f64> {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-v", "info", "-nostats", "-i"])
        .arg(encoded)
        .arg("-i")
        .arg(source);
    command.args([
        "-lavfi",
        "[0:v]settb=1/1000,setpts=N[a];[1:v]settb=1/1000,setpts=N[b];[a][b]psnr",
        "-f",
        "null",
        "-",
    ]);
    let output = command.output().context("cannot start ffmpeg")?;
    let words = String::from_utf8_lossy(&output.stderr);
    let average = words
        .lines()
        .rev()
        .find_map(|line| line.split("average:").nth(1));
    average
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|value| value.parse().ok())
        .context("ffmpeg printed no PSNR")
}
