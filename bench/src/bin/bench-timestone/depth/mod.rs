//! The queue while millions of messages wait in it: what each costs in memory, whether a
//! dequeue becomes slower, and how long the queue takes to be back after `kill -9`.
//!
//! At each depth, over an empty store, with a server that is a process of its own: this
//! program again, as nothing else shall be in its memory.

mod fill;
mod probe;
mod report;
mod server;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use bench::disk;
use bench::machine::Machine;
use serde::Serialize;

use fill::{Kind, fill, warm_up};
use report::Depth;
pub use report::{Report, print};
use server::Served;
pub use server::serve;

/// A queue with many messages.
#[derive(clap::Args)]
pub struct Args {
    /// Instead: measure with so many messages pending, at each of these depths.
    #[arg(long, value_delimiter = ',', value_name = "MESSAGES")]
    pub depth: Vec<u64>,
    /// With --depth: bytes of a message.
    #[arg(long, default_value_t = 256, value_name = "BYTES")]
    pub payload: usize,
    /// With --depth: metadata pairs of a message.
    #[arg(long, default_value_t = 0)]
    pub pairs: usize,
    /// With --depth: dequeues measured, by one client and by all together.
    #[arg(long, default_value_t = 5_000)]
    pub dequeues: usize,
    /// Serve a queue from this folder.
    #[arg(long, hide = true)]
    pub serve: Option<std::path::PathBuf>,
}

impl Args {
    pub fn is_asked(&self) -> bool {
        !self.depth.is_empty()
    }
}

/// Measures at every depth.
pub async fn report(args: &crate::Args) -> Result<Report> {
    let depths = &args.depth.depth;
    let rise = depths.is_sorted() && depths.first() > Some(&0);
    ensure!(rise, "--depth must begin above 0 and rise");
    let folder = args.folder()?;
    disk::refuse_memory(&folder)?;
    let machine = Machine::quiet(args.accept_load)?;
    let fsync = disk::fsync_cost(&folder, args.syncs())?;
    let mut measured = Vec::new();
    for depth in depths.iter().copied() {
        let scratch = tempfile::tempdir_in(&folder)?;
        let at = at(args, scratch.path(), depth).await;
        measured.push(at.with_context(|| format!("{depth} messages"))?);
    }
    Ok(Report::new(args, machine, fsync, measured))
}

/// Memory of the server, in bytes.
#[derive(Clone, Copy, Serialize)]
pub struct Memory {
    pub at_start: u64,
    /// Nothing waits, but its caches are full.
    pub warm: u64,
    /// At its depth.
    pub filled: u64,
}

async fn at(args: &crate::Args, folder: &Path, depth: u64) -> Result<Depth> {
    eprintln!("bench: {depth} messages");
    let kind = Kind {
        payload: args.depth.payload,
        pairs: args.depth.pairs,
    };
    let served = Served::start(folder).await?;
    let at_start = served.memory()?;
    let client = served.client()?;
    served.put_queue().await?;
    warm_up(&client, if args.quick { 2 } else { 64 }).await?;
    served.settle().await?;
    let warm = served.memory()?;
    let enqueue_rate = fill(&client, kind, depth).await?;
    served.settle().await?;
    let memory = Memory {
        at_start,
        warm,
        filled: served.memory()?,
    };
    let times = args.depth.dequeues.min(usize::try_from(depth)? * 10);
    let one = probe::dequeues(&client, kind, 1, times).await?;
    let many = probe::dequeues(&client, kind, args.clients, times).await?;
    eprintln!("bench: {depth} messages: restart");
    let (served, recovery) = served.kill_and_restart(kind).await?;
    Ok(Depth {
        depth,
        enqueue_rate,
        memory,
        memory_recovered: served.memory()?,
        one,
        many,
        recovery,
    })
}
