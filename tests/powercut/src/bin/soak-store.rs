//! Cuts the power of a store many times and prints what was lost.

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum};
use powercut::disk::Model;
use powercut::proof::{Adapter, FjallAdapter, PostgresAdapter, Proof, Report, Target};
use powercut::workload::{self, Facts};
use store_postgres::testing::Programs;

#[derive(Parser)]
#[command(about, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    worker: Option<Worker>,
    #[command(flatten)]
    soak: Soak,
}

#[derive(Args)]
struct Soak {
    /// The store to be cut off.
    #[arg(long, value_enum, default_value_t = Engine::Fjall)]
    adapter: Engine,
    /// How many times its power is cut.
    #[arg(long, default_value_t = 100)]
    cuts: u64,
    /// Leads to the same choices each time.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How directory entries last; both in turn unless given.
    #[arg(long, value_enum)]
    model: Option<DiskModel>,
    /// The disk confirms syncs without doing them, so that losses must be found.
    #[arg(long)]
    lying_disk: bool,
    /// Where to copy the disks on which something was lost.
    #[arg(long)]
    keep: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Engine {
    Fjall,
    Postgres,
}

#[derive(Clone, Copy, ValueEnum)]
enum DiskModel {
    Strict,
    Ext4,
}

impl From<DiskModel> for Model {
    fn from(model: DiskModel) -> Self {
        match model {
            DiskModel::Strict => Self::Strict,
            DiskModel::Ext4 => Self::Ext4,
        }
    }
}

#[derive(Subcommand)]
enum Worker {
    /// Commits until it is killed; says what was acknowledged.
    #[command(hide = true)]
    Write(Work),
    /// Compares a store with the acknowledgements on the standard input.
    #[command(hide = true)]
    Check(Work),
}

#[derive(Args)]
struct Work {
    target: Target,
    #[arg(long)]
    seed: u64,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    match arguments.worker {
        None => soak(&arguments.soak),
        Some(Worker::Write(work)) => run(write(work)),
        Some(Worker::Check(work)) => run(check(work)),
    }
}

fn run(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(work)?;
    Ok(ExitCode::SUCCESS)
}

fn soak(soak: &Soak) -> anyhow::Result<ExitCode> {
    let proof = Proof {
        worker: std::env::current_exe().context("this program's own path")?,
        seed: soak.seed,
        cuts: soak.cuts,
        model: soak.model.map(Into::into),
        lies: soak.lying_disk,
        keep: soak.keep.clone(),
    };
    eprintln!("{} cuts from seed {}", soak.cuts, soak.seed);
    let report = proof.run(&*adapter(soak.adapter)?, tell)?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(if report.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Says now and then how far it is.
fn tell(report: &Report) {
    if report.cuts.is_multiple_of(25) {
        let Report {
            cuts,
            acknowledged,
            lost,
            unopenable,
            ..
        } = report;
        eprintln!("{cuts} cuts, {acknowledged} commits, {lost} lost, {unopenable} unopenable");
    }
}

fn adapter(engine: Engine) -> anyhow::Result<Box<dyn Adapter>> {
    Ok(match engine {
        Engine::Fjall => Box::new(FjallAdapter),
        Engine::Postgres => {
            let programs = Programs::find().map_err(anyhow::Error::msg)?;
            Box::new(PostgresAdapter::new(programs)?)
        }
    })
}

async fn write(work: Work) -> anyhow::Result<()> {
    let store = work.target.open().await?;
    workload::write(store, work.seed).await
}

async fn check(work: Work) -> anyhow::Result<()> {
    let mut lines = String::new();
    std::io::stdin().read_to_string(&mut lines)?;
    let acknowledged = Facts::read(&lines)?;
    let store = work.target.open().await?;
    let (found, wrong) = workload::check(&*store, work.seed, &acknowledged).await?;
    wrong.iter().for_each(|wrong| println!("! {wrong}"));
    print!("{}", found.lines());
    Ok(())
}
