//! The queue while millions of messages wait in it: what each costs in memory, whether a
//! dequeue becomes slower, and how long the queue takes to be back after `kill -9`.
//!
//! One queue is filled from depth to depth. Its server is a process of its own: this
//! program again, as nothing else shall be in its memory.

mod fill;
mod probe;
mod report;
mod server;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use bench::disk;
use bench::machine::Machine;

use fill::{Kind, fill, warm_up};
use report::Depth;
pub use report::{Report, print};
use server::Served;
pub use server::serve;

/// Enough payloads, in bytes, to fill every cache of the server.
const WARM_UP: u64 = 256 << 20;

/// The same queue, ever deeper.
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
    let scratch = tempfile::tempdir_in(&folder)?;
    let (memory, depths) = descend(args, scratch.path()).await?;
    Ok(Report::new(args, machine, fsync, memory, depths))
}

/// Memory of the server while nothing waits, in bytes.
#[derive(Clone, Copy)]
pub struct Memory {
    pub at_start: u64,
    /// Every cache is full.
    pub warm: u64,
}

async fn descend(args: &crate::Args, folder: &Path) -> Result<(Memory, Vec<Depth>)> {
    let kind = Kind {
        payload: args.depth.payload,
        pairs: args.depth.pairs,
    };
    let mut served = Served::start(folder).await?;
    let deepest = args.depth.depth.last().copied().unwrap_or_default();
    served.put_queue(2 * deepest + WARM_UP).await?;
    let at_start = served.memory()?;
    let warm_ups = if args.quick {
        1_000
    } else {
        WARM_UP / args.depth.payload.max(64) as u64
    };
    warm_up(&served.client()?, kind, warm_ups).await?;
    served.settle().await?;
    let warm = served.memory()?;
    let (mut there, mut depths) = (0, Vec::new());
    for depth in args.depth.depth.iter().copied() {
        eprintln!("bench: {depth} messages");
        let (measured, restarted) = at(args, served, kind, there, depth)
            .await
            .with_context(|| format!("{depth} messages"))?;
        (there, served) = (depth, restarted);
        depths.push(measured);
    }
    Ok((Memory { at_start, warm }, depths))
}

/// Measures at one depth, and restarts the server.
async fn at(
    args: &crate::Args,
    served: Served,
    kind: Kind,
    there: u64,
    depth: u64,
) -> Result<(Depth, Served)> {
    let enqueue_rate = fill(&served.client()?, kind, depth - there).await?;
    served.settle().await?;
    let memory = served.memory()?;
    let times = args.depth.dequeues.min(usize::try_from(depth)? * 10);
    let one = probe::dequeues(&served.client()?, kind, 1, times).await?;
    let many = probe::dequeues(&served.client()?, kind, args.clients, times).await?;
    eprintln!("bench: {depth} messages: restart");
    let (served, recovery) = served.kill_and_restart(kind).await?;
    let depth = Depth {
        depth,
        enqueue_rate,
        memory,
        memory_recovered: served.memory()?,
        one,
        many,
        recovery,
    };
    Ok((depth, served))
}
