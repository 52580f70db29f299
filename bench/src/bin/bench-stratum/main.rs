//! Stratum's placement beside the rules that others place by, on seeded mixes.
//!
//! *Packing*: how many hosts are used for some thousand tasks at once. *Rate*: placements in a
//! second on 5,000 hosts that are nearly full, in alternating runs with a scan of all hosts.
//! *Reading*: a film through a mount beside the plain file, and one of a server beside a mount
//! without our read-ahead.

#![allow(
    unreachable_pub,
    reason = "a program has no outside; `pub` here means: for other files"
)]

mod mixes;
mod packing;
mod rate;
mod reading;
mod report;
mod rules;

use std::path::PathBuf;

use anyhow::Result;
use bench::machine::Machine;
use clap::Parser;

use crate::report::Report;

/// Measure Stratum's placement beside first-fit, best-fit and MostAllocated, and its mounts beside
/// plain files.
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
    /// Megabytes (MiB) of the film that is read.
    #[arg(long, default_value_t = 1_024)]
    film_mb: u64,
    /// Where the film is put: a folder on a disk.
    #[arg(long, default_value = "/var/tmp")]
    folder: PathBuf,
    /// Measure reading alone.
    #[arg(long)]
    reading: bool,
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
    let (seeds, tasks, runs, placements, film) = match args.quick {
        true => (1, 400, 1, 1_000, 64 << 20),
        false => (
            args.seeds,
            args.tasks,
            args.runs,
            args.placements,
            args.film_mb << 20,
        ),
    };
    let reading = reading::measure(runs, film, &args.folder)?;
    if args.reading {
        let told = (machine, reading.ratios(), reading);
        println!("{}", serde_json::to_string_pretty(&told)?);
        return Ok(());
    }
    let packing = packing::measure(seeds, tasks)?;
    let rate = rate::measure(runs, placements)?;
    let report = Report::new(machine, packing, rate, reading);
    match args.json {
        true => println!("{}", serde_json::to_string(&report)?),
        false => println!("{}", serde_json::to_string_pretty(&report)?),
    }
    Ok(())
}
