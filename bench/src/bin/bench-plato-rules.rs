//! Forward-chaining rules beside CLIPS, without the rest of what `bench-plato` measures.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Result, bail};
use bench::disk;
use bench::machine::Machine;
use bench::rules::{self, Plan};
use clap::Parser;
use serde::Serialize;

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
    settings: rules::Settings,
    ours: rules::Ours,
    peers: BTreeMap<&'static str, rules::Peer>,
    ratios: BTreeMap<&'static str, f64>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    disk::refuse_memory(&args.folder)?;
    let machine = Machine::quiet(args.accept_load)?;
    let plan = Plan {
        runs: args.runs,
        titles: args.titles,
        chunks: args.chunks,
        clips: !args.alone,
    };
    let measured = rules::measure(&plan, &args.folder)?;
    if let Some(why) = &measured.skipped {
        bail!("{why}; --alone measures without CLIPS");
    }
    let report = Report {
        machine,
        ratios: measured
            .rules_vs_clips()
            .map(|ratio| ("rules_vs_clips", ratio))
            .into_iter()
            .collect(),
        settings: measured.settings,
        ours: measured.ours,
        peers: measured
            .clips
            .map(|peer| ("clips", peer))
            .into_iter()
            .collect(),
    };
    match args.json {
        true => println!("{}", serde_json::to_string(&report)?),
        false => tell(&report),
    }
    Ok(())
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
