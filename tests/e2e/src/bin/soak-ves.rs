//! Kills `ves encode` at random moments, again and again, and compares the bytes.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Parser;
use e2e::run::Encode;
use e2e::{leftovers, log};
use serde::Serialize;

/// Kill `ves encode` at random moments and compare what it makes with an undisturbed run.
#[derive(Parser)]
struct Args {
    /// Clip to encode; a generated one if not given.
    #[arg(long)]
    clip: Option<PathBuf>,
    /// SIGKILLs to survive.
    #[arg(long, default_value_t = 20)]
    kills: u32,
    /// The same seed kills after the same times.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Length of a chunk.
    #[arg(long, default_value = "15f")]
    chunk: String,
    /// Speed of the encoder: there must be work left to kill.
    #[arg(long, default_value = "veryslow")]
    preset: String,
    /// Print JSON only.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
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
    let encode = |name: &str| -> Result<Encode> {
        let below = folder.path().join(name);
        std::fs::create_dir_all(&below)?;
        Ok(Encode::new(
            &clip,
            &below,
            &[
                "--chunk",
                &args.chunk,
                "--align",
                "fixed",
                "--preset",
                &args.preset,
            ],
        ))
    };
    let undisturbed = encode("undisturbed")?.finish()?;
    let report = killed(&args, &encode("killed")?, &undisturbed.sha256)?;
    leftovers::none_below(folder.path())?;
    println!("{}", serde_json::to_string(&report)?);
    ensure!(report.same_bytes, "the bytes differ");
    Ok(())
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
            ensure!(!encode.output.exists(), "a killed run left its output");
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
        std::fs::remove_dir_all(&encode.state)?;
        std::fs::remove_file(&encode.output)?;
        std::fs::remove_file(encode.output.with_extension("log"))?;
    }
    Ok(Report {
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
