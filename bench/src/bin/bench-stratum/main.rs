//! Stratum's placement beside the rules that others place by, on seeded mixes.
//!
//! *Packing*: how many hosts are used for some thousand tasks at once. *Rate*: placements in a
//! second on 5,000 hosts that are nearly full, in alternating runs with a scan of all hosts.

#![allow(
    unreachable_pub,
    reason = "a program has no outside; `pub` here means: for other files"
)]

mod mixes;
mod packing;
mod rate;
mod report;
mod rules;

use anyhow::Result;
use bench::machine::Machine;
use clap::Parser;

use crate::report::Report;

/// Measure Stratum's placement beside first-fit, best-fit and MostAllocated.
#[derive(Parser)]
struct Args {
    /// Seeds of each mix.
    #[arg(long, default_value_t = 5)]
    seeds: u64,
    /// Tasks of a mix.
    #[arg(long, default_value_t = 4_000)]
    tasks: usize,
    /// Alternating runs of the rate.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Placements of a run.
    #[arg(long, default_value_t = 50_000)]
    placements: usize,
    /// Little of everything, to see that it works. Such figures are not for publication.
    #[arg(long)]
    quick: bool,
    /// Measure on a busy machine. Such figures are not for publication.
    #[arg(long)]
    accept_load: bool,
    /// Print JSON only.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let machine = Machine::quiet(args.accept_load)?;
    let (seeds, tasks, runs, placements) = match args.quick {
        true => (1, 400, 1, 1_000),
        false => (args.seeds, args.tasks, args.runs, args.placements),
    };
    let packing = packing::measure(seeds, tasks)?;
    let rate = rate::measure(runs, placements)?;
    let report = Report::new(machine, packing, rate);
    match args.json {
        true => println!("{}", serde_json::to_string(&report)?),
        false => println!("{}", serde_json::to_string_pretty(&report)?),
    }
    Ok(())
}
