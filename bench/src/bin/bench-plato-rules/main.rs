//! Rules beside CLIPS: the matcher alone over the same rules and facts, in
//! alternating runs; what one changed fact costs among many; and durable firings.

mod clips;
mod durable;
mod ours;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use bench::disk;
use bench::machine::Machine;
use bench::stats::{Spread, spread};
use clap::Parser;
use serde::Serialize;

/// The rules, as ours.
pub(crate) const RULES: &str = include_str!("rules.yaml");

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures forward-chaining rules beside CLIPS.
#[derive(Parser)]
struct Args {
    /// Print one line of JSON instead of a text.
    #[arg(long)]
    json: bool,
    /// Runs of each engine; medians are told.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Titles, each with its chunks.
    #[arg(long, default_value_t = 2_000)]
    titles: u64,
    /// Chunks of a title.
    #[arg(long, default_value_t = 12)]
    chunks: u64,
    /// Measure although the machine is busy; not for publication.
    #[arg(long)]
    accept_load: bool,
    /// Without CLIPS: the ratio is not told.
    #[arg(long)]
    alone: bool,
    /// Where the durable store and the peer are put.
    #[arg(long, default_value = "target")]
    folder: PathBuf,
}

#[derive(Serialize)]
struct Report {
    machine: Machine,
    settings: Settings,
    ours: Ours,
    peers: BTreeMap<&'static str, Peer>,
    ratios: BTreeMap<&'static str, f64>,
}

#[derive(Serialize)]
struct Settings {
    runs: usize,
    titles: u64,
    chunks: u64,
    facts: u64,
}

#[derive(Serialize)]
struct Ours {
    seconds: Spread,
    firings: u64,
    /// Of the matcher and the effects, without a store.
    firings_per_s: f64,
    /// One change, the firing that follows and what it changes, in microseconds, by
    /// the number of unrelated facts.
    change_us: BTreeMap<u64, f64>,
    durable: durable::Durable,
}

#[derive(Serialize)]
struct Peer {
    version: String,
    seconds: Spread,
    firings: u64,
    firings_per_s: f64,
}

/// What one engine did in one run.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize)]
pub(crate) struct Run {
    seconds: f64,
    firings: u64,
    facts: u64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    ensure!(
        args.runs > 0 && args.titles > 0 && args.chunks > 0,
        "there must be something to measure"
    );
    disk::refuse_memory(&args.folder)?;
    let machine = Machine::quiet(args.accept_load)?;
    let report = measure(&args, machine)?;
    match args.json {
        true => println!("{}", serde_json::to_string(&report)?),
        false => tell(&report),
    }
    Ok(())
}

fn measure(args: &Args, machine: Machine) -> Result<Report> {
    let peer = (!args.alone)
        .then(|| clips::install(&args.folder))
        .transpose()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for run in 1..=args.runs {
        eprintln!("bench: run {run} of {}", args.runs);
        ours.push(ours::run(args.titles, args.chunks)?);
        if let Some(peer) = &peer {
            theirs.push(peer.run(args.titles, args.chunks)?);
        }
    }
    let first = ours[0];
    let same = |run: &Run| (run.firings, run.facts) == (first.firings, first.facts);
    ensure!(
        ours.iter().chain(&theirs).all(same),
        "the engines came to different ends: {ours:?} {theirs:?}"
    );
    let seconds = spread(ours.iter().map(|run| run.seconds)).context("no runs")?;
    let clips = spread(theirs.iter().map(|run| run.seconds));
    let peers = clips.map(|seconds| Peer {
        version: clips::VERSION.to_owned(),
        seconds,
        firings: first.firings,
        firings_per_s: first.firings as f64 / seconds.median,
    });
    Ok(Report {
        machine,
        settings: Settings {
            runs: args.runs,
            titles: args.titles,
            chunks: args.chunks,
            facts: first.facts,
        },
        ours: Ours {
            seconds,
            firings: first.firings,
            firings_per_s: first.firings as f64 / seconds.median,
            change_us: ours::changes()?,
            durable: durable::measure(&args.folder)?,
        },
        ratios: clips
            .map(|clips| ("rules_vs_clips", clips.median / seconds.median))
            .into_iter()
            .collect(),
        peers: peers.map(|peer| ("clips", peer)).into_iter().collect(),
    })
}

fn tell(report: &Report) {
    let ours = &report.ours;
    println!(
        "{} facts, {} firings, medians of {} runs",
        report.settings.facts, ours.firings, report.settings.runs
    );
    println!("  ours   {:>10.0} firings/s", ours.firings_per_s);
    for (name, peer) in &report.peers {
        println!("  {name:<6} {:>10.0} firings/s", peer.firings_per_s);
    }
    for (name, ratio) in &report.ratios {
        println!("  {name} {ratio:.2}");
    }
    for (facts, microseconds) in &ours.change_us {
        println!("  one change among {facts} facts: {microseconds:.1} µs");
    }
    println!("  durable: {:.0} firings/s", ours.durable.firings_per_s);
}
