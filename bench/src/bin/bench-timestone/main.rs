//! Timestone beside other durable queues, in alternating runs on one machine and one disk.
//!
//! Every run of every queue starts with an empty store and a server of its own, which is gone
//! before the next begins. Everybody syncs before acknowledging, carries the same payload at
//! the same priorities for the same number of clients, and is reached over loopback.

#![allow(
    unreachable_pub,
    reason = "a program has no outside; `pub` here means: for other files"
)]

mod conditions;
mod depth;
mod load;
mod measure;
mod ours;
mod peers;
mod queue;
mod raw_store;
mod report;
mod runs;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use bench::disk;
use bench::machine::Machine;
use clap::{Parser, ValueEnum};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use crate::conditions::Conditions;
use crate::measure::Plan;
use crate::peers::Peer;
use crate::report::{Ratios, Report, Settings};
use crate::runs::Runs;

/// The one that servers use.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measure Timestone beside other durable queues.
#[derive(Parser)]
struct Args {
    /// Alternating runs of each queue.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Clients that call at the same time.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Messages of a run, one a call.
    #[arg(long, default_value_t = 20_000)]
    messages: usize,
    /// Calls of a run that carry a batch of 100.
    #[arg(long, default_value_t = 400)]
    batches: usize,
    /// Pick-ups of a run by an idle worker.
    #[arg(long, default_value_t = 300)]
    pick_ups: usize,
    /// Queues to measure beside: names, or `all`, or `none`.
    #[arg(long, value_delimiter = ',', default_value = "all")]
    peers: Vec<String>,
    /// Folder below which every queue keeps its files, on a disk [default: beside the program].
    #[arg(long)]
    folder: Option<PathBuf>,
    #[command(flatten)]
    depth: depth::Args,
    /// One short run, to see that everything works. Such figures are not for publication.
    #[arg(long)]
    quick: bool,
    /// Measure something else: conditions under which the queue may not slow down.
    #[arg(long)]
    conditions: bool,
    #[command(flatten, next_help_heading = "With --conditions")]
    under: Conditions,
    /// Measure on a busy machine. Such figures are not for publication.
    #[arg(long)]
    accept_load: bool,
    /// Print JSON only.
    #[arg(long)]
    json: bool,
}

impl Args {
    fn runs(&self) -> usize {
        if self.quick { 1 } else { self.runs }
    }

    /// Syncs that tell what one costs.
    fn syncs(&self) -> usize {
        if self.quick { 50 } else { 1_000 }
    }

    fn plan(&self) -> Plan {
        if self.quick {
            return Plan {
                clients: self.clients.min(8),
                messages: 200,
                batches: 8,
                pick_ups: 10,
            };
        }
        Plan {
            clients: self.clients,
            messages: self.messages,
            batches: self.batches,
            pick_ups: self.pick_ups,
        }
    }

    fn peers(&self) -> Result<Vec<Peer>> {
        match self.peers.join(",").as_str() {
            "all" => Ok(Peer::value_variants().to_vec()),
            "none" => Ok(Vec::new()),
            _ => self.peers.iter().map(|name| named(name)).collect(),
        }
    }

    /// A folder of this program's own; what is in it is removed at the end.
    fn folder(&self) -> Result<PathBuf> {
        let program = std::env::current_exe()?;
        let beside = program.parent().context("the program lies nowhere")?;
        let folder = match &self.folder {
            Some(folder) => folder.clone(),
            None => beside.join("bench-timestone-data"),
        };
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        Ok(folder.canonicalize()?)
    }
}

fn named(name: &str) -> Result<Peer> {
    match Peer::from_str(name, true) {
        Ok(peer) => Ok(peer),
        Err(_) => bail!("there is no peer `{name}`; see --help"),
    }
}

// All clients live on one thread: what is measured are servers.
#[tokio::main(worker_threads = 1)]
async fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(folder) = &args.depth.serve {
        return depth::serve(folder).await;
    }
    // What is dropped when we are interrupted ends its servers and removes its files.
    tokio::select! {
        told = told(&args) => told,
        signal = interrupted() => bail!("interrupted by {}", signal?),
    }
}

async fn interrupted() -> Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed.map(|()| "SIGINT").map_err(Into::into),
        _ = terminate.recv() => Ok("SIGTERM"),
    }
}

/// Measures what is asked for, and prints it.
async fn told(args: &Args) -> Result<()> {
    if args.depth.is_asked() {
        return depth::print(args, &depth::report(args).await?);
    }
    if args.conditions {
        let report = conditions(args).await?;
        return print(args, &report, conditions::Report::print);
    }
    print(args, &report(args).await?, table::print)
}

fn print<T: Serialize>(args: &Args, report: &T, table: impl FnOnce(&T)) -> Result<()> {
    match args.json {
        true => println!("{}", serde_json::to_string(report)?),
        false => table(report),
    }
    Ok(())
}

async fn conditions(args: &Args) -> Result<conditions::Report> {
    let folder = args.folder()?;
    disk::refuse_memory(&folder)?;
    let machine = Machine::quiet(args.accept_load)?;
    let scratch = tempfile::tempdir_in(&folder)?;
    let load = (args.clients, args.plan().messages);
    conditions::Report::measure(args.under, load, machine, scratch.path()).await
}

async fn report(args: &Args) -> Result<Report> {
    ensure!(args.runs() > 0, "--runs must be at least 1");
    ensure!(args.clients > 1, "--clients must be at least 2");
    let (peers, folder) = (args.peers()?, args.folder()?);
    disk::refuse_memory(&folder)?;
    let machine = Machine::quiet(args.accept_load)?;
    let fsync = disk::fsync_cost(&folder, args.syncs())?;
    let scratch = tempfile::tempdir_in(&folder)?;
    let runs = measure_all(args, peers, scratch.path()).await?;
    let ours = runs.ours()?;
    let (peers, skipped) = runs.peers();
    Ok(Report {
        machine,
        settings: Settings::new(args.runs(), args.plan()),
        fsync,
        ratios: Ratios::of(&ours, &peers),
        ours,
        peers,
        skipped,
    })
}

async fn measure_all(args: &Args, peers: Vec<Peer>, scratch: &Path) -> Result<Runs> {
    let mut runs = Runs::of(peers);
    for run in 1..=args.runs() {
        eprintln!("bench: run {run} of {}", args.runs());
        runs.once(&args.plan(), scratch).await?;
    }
    Ok(runs)
}
