//! Judges histories of the queue, by the thousand: in this process, and over a server that is killed.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};
use histories::planted::Mistake;
use histories::search::{Verdict, judge};
use histories::served::{Served, serve};
use histories::trial::Trial;
use serde::Serialize;

/// Prove that what clients of the queue see is explained by one order of their calls.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    part: Option<Part>,
    /// Histories in this process, with crashes of the server and the store.
    #[arg(long, default_value_t = 2_000)]
    histories: u64,
    /// Histories over a server in another process, each with a SIGKILL.
    #[arg(long, default_value_t = 200)]
    kills: u64,
    /// The same seed calls and crashes the same.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print JSON only.
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Part {
    /// The server that is killed.
    #[command(hide = true)]
    Serve { folder: PathBuf },
}

#[derive(Default, Serialize)]
struct Report {
    seed: u64,
    histories: u64,
    kills: u64,
    calls: usize,
    linearizable: u64,
    /// Seeds of histories that no order explains.
    impossible: Vec<u64>,
    /// Seeds of histories that took too long to judge.
    too_hard: Vec<u64>,
    /// Planted mistakes, and in how many of 20 histories each was found.
    mistakes_found: Vec<(String, usize)>,
}

impl Report {
    fn add(&mut self, seed: u64, calls: usize, verdict: &Verdict) {
        self.calls += calls;
        match verdict {
            Verdict::Linearizable => self.linearizable += 1,
            Verdict::TooHard => self.too_hard.push(seed),
            Verdict::Impossible { left, .. } => {
                eprintln!("seed {seed}: no order explains {left:#?}");
                self.impossible.push(seed);
            }
        }
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(Part::Serve { folder }) = args.part {
        return runtime()?.block_on(serve(&folder));
    }
    let mut report = Report {
        seed: args.seed,
        histories: args.histories,
        kills: args.kills,
        mistakes_found: Mistake::ALL.map(find).into(),
        ..Report::default()
    };
    for seed in args.seed..args.seed + args.histories {
        let trial = Trial::seeded(seed);
        let calls = trial.run();
        report.add(seed, calls.len(), &judge(&trial.spec(), &calls));
    }
    runtime()?.block_on(killed(&args, &mut report))?;
    println!("{}", serde_json::to_string(&report)?);
    ensure!(report.impossible.is_empty(), "a history has no explanation");
    let blind = report.mistakes_found.iter().any(|(_, found)| *found == 0);
    ensure!(!blind, "a planted mistake was not found");
    Ok(())
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    Ok(builder.enable_all().build()?)
}

async fn killed(args: &Args, report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut served = Served::start(&std::env::current_exe()?, folder.path()).await?;
    for seed in args.seed..args.seed + args.kills {
        let (spec, calls) = served.history(seed).await?;
        report.add(seed, calls.len(), &judge(&spec, &calls));
        if !args.json && seed % 50 == 0 {
            eprintln!("{} histories are linearizable", report.linearizable);
        }
    }
    Ok(())
}

fn find(mistake: Mistake) -> (String, usize) {
    let found = (0..20).filter(|seed| {
        let trial = Trial {
            mistake: Some(mistake),
            ..Trial::seeded(*seed)
        };
        let verdict = judge(&trial.spec(), &trial.run());
        matches!(verdict, Verdict::Impossible { .. })
    });
    (format!("{mistake:?}"), found.count())
}
