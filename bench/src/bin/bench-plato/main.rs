//! Plato beside other durable workflow engines, in alternating runs on one machine and one disk.
//!
//! Every run of every engine starts with an empty store and a server of its own, which is gone
//! before the next begins. Everybody syncs before a step counts as done, runs the steps in a
//! process beside the server, and is reached over loopback.

#![allow(
    unreachable_pub,
    reason = "a program has no outside; `pub` here means: for other files"
)]

mod engine;
mod measure;
mod ours;
mod peers;
mod recover;
mod report;
mod runs;
mod table;
mod wide;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use bench::disk;
use bench::machine::Machine;
use bench::rules;
use clap::{Parser, ValueEnum};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use crate::measure::Plan;
use crate::peers::Peer;
use crate::report::{Ours, Peers, Ratios, Report, Settings, Skipped};
use crate::runs::Runs;

/// Beside it are measured rules, not steps.
const CLIPS: &str = "clips";

/// The one that servers use.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measure Plato beside other durable workflow engines.
#[derive(Parser)]
struct Args {
    /// Alternating runs of each engine.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Clients that each run one workflow after another.
    #[arg(long, default_value_t = 32)]
    clients: usize,
    /// Workflows of ten steps that all clients run together.
    #[arg(long, default_value_t = 1_600)]
    workflows: usize,
    /// Workflows of ten steps that one client runs alone.
    #[arg(long, default_value_t = 100)]
    sequential: usize,
    /// Maps that one client runs, one after another.
    #[arg(long, default_value_t = 5)]
    fan_outs: usize,
    /// Elements of each of these maps.
    #[arg(long, default_value_t = 1_000)]
    elements: u64,
    /// Engines to measure beside: `restate`, `dbos` and, for rules, `clips`; or `all`, or `none`.
    #[arg(long, value_delimiter = ',', default_value = "all")]
    peers: Vec<String>,
    /// Folder below which every engine keeps its files, on a disk [default: beside the program].
    #[arg(long)]
    folder: Option<PathBuf>,
    /// One short run, to see that everything works. Such figures are not for publication.
    #[arg(long)]
    quick: bool,
    /// Measure something else: one map and its reduce of so many elements each.
    #[arg(long, value_delimiter = ',', value_name = "ELEMENTS")]
    map: Vec<u64>,
    /// Measure something else: how soon so many live workflows are owned again after a kill.
    #[arg(long, value_name = "WORKFLOWS", num_args = 0..=1, default_missing_value = "10000")]
    recover: Option<usize>,
    /// Measure on a busy machine. Such figures are not for publication.
    #[arg(long)]
    accept_load: bool,
    /// Print JSON only.
    #[arg(long)]
    json: bool,
    /// Be the server that is measured.
    #[arg(long, hide = true, value_name = "FOLDER")]
    serve: Option<PathBuf>,
    /// Be the process that runs the steps.
    #[arg(long, hide = true, value_name = "FOLDER", num_args = 1)]
    work: Option<PathBuf>,
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
                workflows: 24,
                sequential: 4,
                fan_outs: 1,
                elements: self.elements.min(50),
            };
        }
        Plan {
            clients: self.clients,
            workflows: self.workflows,
            sequential: self.sequential,
            fan_outs: self.fan_outs,
            elements: self.elements,
        }
    }

    fn peers(&self) -> Result<Vec<Peer>> {
        match self.peers.join(",").as_str() {
            "all" => Ok(Peer::value_variants().to_vec()),
            "none" => Ok(Vec::new()),
            _ => {
                let names = self.peers.iter().filter(|name| *name != CLIPS);
                names.map(|name| named(name)).collect()
            }
        }
    }

    fn rules(&self) -> rules::Plan {
        let plan = rules::Plan {
            clips: self.peers.iter().any(|name| name == CLIPS || name == "all"),
            ..rules::Plan::default()
        };
        if self.quick {
            return rules::Plan {
                runs: 1,
                titles: 20,
                ..plan
            };
        }
        plan
    }

    /// A folder of this program's own; what is in it is removed at the end.
    fn folder(&self) -> Result<PathBuf> {
        let program = std::env::current_exe()?;
        let beside = program.parent().context("the program lies nowhere")?;
        let folder = match &self.folder {
            Some(folder) => folder.clone(),
            None => beside.join("bench-plato-data"),
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

fn main() -> Result<()> {
    let args = Args::parse();
    match (&args.serve, &args.work) {
        (Some(folder), _) => on_threads(None)?.block_on(ours::serve(folder)),
        (None, Some(folder)) => on_threads(Some(1))?.block_on(ours::work(folder)),
        // All clients live on one thread: what is measured are servers and workers.
        (None, None) => on_threads(Some(1))?.block_on(until_told(&args)),
    }
}

/// A runtime on so many threads, or as many as there are processors.
fn on_threads(threads: Option<usize>) -> Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = threads {
        builder.worker_threads(threads);
    }
    Ok(builder.enable_all().build()?)
}

async fn until_told(args: &Args) -> Result<()> {
    // What is dropped when we are interrupted ends its servers and removes its files.
    tokio::select! {
        told = told(args) => told,
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
    let folder = args.folder()?;
    disk::refuse_memory(&folder)?;
    let machine = Machine::quiet(args.accept_load)?;
    let scratch = tempfile::tempdir_in(&folder)?;
    if !args.map.is_empty() {
        let report = wide::measure(machine, &args.map, args.runs(), scratch.path()).await?;
        return print(args, &report, wide::Report::print);
    }
    if let Some(workflows) = args.recover {
        let report = recover::measure(machine, workflows, scratch.path()).await?;
        return print(args, &report, recover::Report::print);
    }
    let report = report(args, machine, scratch.path()).await?;
    print(args, &report, table::print)
}

fn print<T: Serialize>(args: &Args, report: &T, table: impl FnOnce(&T)) -> Result<()> {
    match args.json {
        true => println!("{}", serde_json::to_string(report)?),
        false => table(report),
    }
    Ok(())
}

async fn report(args: &Args, machine: Machine, scratch: &Path) -> Result<Report> {
    ensure!(args.runs() > 0, "--runs must be at least 1");
    let fsync = disk::fsync_cost(scratch, args.syncs())?;
    let mut runs = Runs::of(args.peers()?);
    for run in 1..=args.runs() {
        eprintln!("bench: run {run} of {}", args.runs());
        runs.once(&args.plan(), scratch).await?;
    }
    eprintln!("bench: rules");
    let rules = measured_rules(args).await?;
    let (ours, (peers, mut skipped)) = (runs.ours()?, runs.peers());
    if let Some(why) = &rules.skipped {
        eprintln!("SKIPPED: {CLIPS}: {why}");
        let (peer, why) = (CLIPS.to_owned(), why.clone());
        skipped.push(Skipped { peer, why });
    }
    Ok(Report {
        machine,
        fsync,
        ratios: Ratios::of(&ours, &peers, rules.rules_vs_clips()),
        settings: Settings {
            runs: args.runs(),
            plan: args.plan(),
            rules: rules.settings,
        },
        ours: Ours {
            steps: ours,
            rules: rules.ours,
        },
        peers: Peers {
            steps: peers,
            clips: rules.clips,
        },
        skipped,
    })
}

/// On a thread of its own, as the engine takes all of one.
async fn measured_rules(args: &Args) -> Result<rules::Report> {
    let (plan, folder) = (args.rules(), args.folder()?);
    tokio::task::spawn_blocking(move || rules::measure(&plan, &folder)).await?
}
