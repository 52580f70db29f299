//! Kills `ves encode` at random moments, again and again, and compares the bytes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use e2e::run::{self, Encode};
use e2e::{leftovers, log};
use serde::Serialize;

/// Kill `ves encode` at random moments and compare what it makes with undisturbed runs.
#[derive(Parser)]
struct Args {
    /// Clip to encode; a generated one if not given.
    #[arg(long)]
    clip: Option<PathBuf>,
    /// Coding format.
    #[arg(long, default_value = "avc")]
    codec: Codec,
    /// Numbers of workers of the undisturbed runs.
    #[arg(long, value_delimiter = ',', default_value = "1,2,3")]
    workers: Vec<u32>,
    /// SIGKILLs to survive.
    #[arg(long, default_value_t = 20)]
    kills: u32,
    /// The same seed kills after the same times.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Length of a chunk.
    #[arg(long, default_value = "15f")]
    chunk: String,
    /// Speed of the encoder: there must be work left to kill [default: avc: veryslow; av1: 4].
    #[arg(long)]
    preset: Option<String>,
    /// Print JSON only.
    #[arg(long)]
    json: bool,
}

/// Coding formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Codec {
    Avc,
    Av1,
}

impl Codec {
    fn name(self) -> &'static str {
        match self {
            Self::Avc => "avc",
            Self::Av1 => "av1",
        }
    }

    fn slow_preset(self) -> &'static str {
        match self {
            Self::Avc => "veryslow",
            Self::Av1 => "4",
        }
    }
}

#[derive(Serialize)]
struct Report {
    codec: Codec,
    workers: Vec<u32>,
    seed: u64,
    kills: u32,
    runs: u32,
    sha256: String,
    same_bytes: bool,
    chunks: u64,
    chunks_encoded: u32,
    chunks_remembered: u32,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let folder = tempfile::tempdir()?;
    let clip = args
        .clip
        .clone()
        .map_or_else(|| corpus::clip(corpus::Clip::OpenGopAvcMp4), Ok)?;
    let expected = undisturbed(&args, &clip, folder.path())?;
    let encode = encode(&args, &clip, &folder.path().join("killed"), &[])?;
    let report = killed(&args, &encode, &expected)?;
    leftovers::none_below(folder.path())?;
    println!("{}", serde_json::to_string(&report)?);
    ensure!(report.same_bytes, "the bytes differ");
    Ok(())
}

fn encode(args: &Args, clip: &Path, below: &Path, more: &[&str]) -> Result<Encode> {
    std::fs::create_dir_all(below)?;
    let preset = args.preset.as_deref();
    let settings = [
        "--codec",
        args.codec.name(),
        "--preset",
        preset.unwrap_or(args.codec.slow_preset()),
        "--chunk",
        &args.chunk,
        "--align",
        "fixed",
    ];
    Ok(Encode::new(clip, below, &[&settings, more].concat()))
}

/// What every number of workers makes of it; each with a state of its own.
fn undisturbed(args: &Args, clip: &Path, folder: &Path) -> Result<String> {
    let mut sums = Vec::new();
    for workers in &args.workers {
        let workers = workers.to_string();
        let below = folder.join(format!("by-{workers}"));
        let encode = encode(args, clip, &below, &["--workers", &workers])?;
        sums.push(encode.finish()?.sha256);
    }
    let expected = sums.first().context("no number of workers was given")?;
    ensure!(
        sums.iter().all(|sum| sum == expected),
        "the bytes depend on the number of workers: {sums:?}"
    );
    Ok(expected.clone())
}

/// Runs until the kills are used up and one run ended by itself. Work begins anew
/// when a run ended before all kills were used.
fn killed(args: &Args, encode: &Encode, expected: &str) -> Result<Report> {
    let mut random = Random(args.seed);
    let (mut kills, mut runs, mut same) = (0, 0, true);
    let (mut encoded, mut remembered) = (0, 0);
    let mut chunks;
    loop {
        runs += 1;
        let mut run = encode.start()?;
        let dies = kills < args.kills && died(&mut run, random.below(2_500))?;
        if dies {
            run.kill()?;
            kills += 1;
            // Killed after it had published, it has nothing left to do.
            if encode.output.exists() {
                let whole = run::sha256(&encode.output)? == expected;
                ensure!(whole, "a killed run left half an output");
                begin_anew(encode)?;
            }
            continue;
        }
        let mut events = String::new();
        std::io::Read::read_to_string(&mut run.events, &mut events)?;
        ensure!(run.child.wait()?.success(), "{events}\n{}", encode.log());
        let finished = encode.finished(&events)?;
        same &= finished.sha256 == expected;
        let counts = log::finished_chunks_ran_once(&encode.log())?;
        encoded += counts.executed.values().sum::<u32>();
        remembered += counts.remembered;
        chunks = finished.chunks_encoded + finished.chunks_reused;
        if kills >= args.kills {
            break;
        }
        begin_anew(encode)?;
    }
    Ok(Report {
        codec: args.codec,
        workers: args.workers.clone(),
        seed: args.seed,
        kills,
        runs,
        sha256: expected.to_owned(),
        same_bytes: same,
        chunks,
        chunks_encoded: encoded,
        chunks_remembered: remembered,
    })
}

fn begin_anew(encode: &Encode) -> Result<()> {
    if encode.state.exists() {
        std::fs::remove_dir_all(&encode.state)?;
    }
    std::fs::remove_file(&encode.output)?;
    std::fs::remove_file(encode.output.with_extension("log"))?;
    Ok(())
}

/// Waits `ms`; false when the run ended before.
fn died(run: &mut e2e::run::Started, ms: u64) -> Result<bool> {
    std::thread::sleep(Duration::from_millis(200 + ms));
    Ok(run.child.try_wait()?.is_none())
}

/// xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % bound
    }
}
