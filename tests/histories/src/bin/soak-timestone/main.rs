//! Judges histories of the queue, by the thousand: in this process, over processes that are
//! killed, one or several, and on a disk whose power is cut.

#![allow(
    unreachable_pub,
    reason = "a program has no outside; `pub` here means: for other files"
)]

mod report;
mod soak;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};
use histories::planted::Mistake;
use histories::serve::{serve, serve_with_others};
use histories::served::Adapter;

use crate::soak::Soak;

/// Prove that what clients of the queue see is explained by one order of their calls, whatever
/// crashes meanwhile.
#[derive(Parser)]
pub struct Args {
    #[command(subcommand)]
    part: Option<Part>,
    /// What to crash; all unless given.
    #[arg(long, value_enum)]
    adapter: Option<Adapter>,
    /// Histories in this process, half of them while clocks are set.
    #[arg(long, default_value_t = 2_000)]
    histories: u64,
    /// SIGKILLs of a server over the embedded store.
    #[arg(long, default_value_t = 1_500)]
    kills: u64,
    /// Power cuts of the embedded store's disk.
    #[arg(long, default_value_t = 2_000)]
    cuts: u64,
    /// SIGKILLs of a server over PostgreSQL, of PostgreSQL, and of both.
    #[arg(long, default_value_t = 150)]
    database_kills: u64,
    /// SIGKILLs of one of three servers over PostgreSQL, of PostgreSQL, of both, and servers that
    /// stand still for longer than their queues are theirs.
    #[arg(long, default_value_t = 150)]
    fleet_kills: u64,
    /// The same seed calls and crashes the same.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print JSON only.
    #[arg(long)]
    json: bool,
}

impl Args {
    fn has(&self, adapter: Adapter) -> bool {
        self.adapter.is_none_or(|only| only == adapter)
    }
}

#[derive(Subcommand)]
enum Part {
    /// The server that is killed.
    #[command(hide = true)]
    Serve {
        folder: PathBuf,
        /// How to connect to PostgreSQL.
        #[arg(long)]
        database: Option<String>,
        /// As one of several.
        #[arg(long, requires = "database")]
        fleet: bool,
        #[arg(long, value_enum)]
        mistake: Option<Mistake>,
    },
}

fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(Part::Serve {
        folder,
        database,
        fleet,
        mistake,
    }) = &args.part
    {
        return runtime()?.block_on(async {
            match database {
                Some(database) if *fleet => serve_with_others(folder, database, *mistake).await,
                database => serve(folder, database.as_deref(), *mistake).await,
            }
        });
    }
    let report = Soak::new(&args)?.run()?;
    println!("{}", serde_json::to_string(&report)?);
    report.check()
}

pub fn runtime() -> Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    Ok(builder.enable_all().build()?)
}
