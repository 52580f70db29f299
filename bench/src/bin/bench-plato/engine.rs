//! What is asked of every engine that is measured, and how it is driven.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use async_trait::async_trait;
use futures::future::try_join_all;

/// Steps of a workflow, one after the other.
pub const STEPS: usize = 10;
/// How long one workflow may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(120);

/// One workflow.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// [`STEPS`] steps, each of which waits for the one before.
    Steps,
    /// So many elements mapped at the same time, and one step over all results.
    FanOut(u64),
}

/// An engine that is measured. Dropped, it is gone with all its files.
#[async_trait(?Send)]
pub trait Engine: Send + Sync {
    /// The program's own word for its version.
    fn version(&self) -> String;

    /// Runs `times` workflows to their end, `clients` of them at a time.
    async fn run(&self, act: Act, clients: usize, times: usize) -> Result<Done>;

    /// Whether it has a way to map many elements.
    fn has_fan_out(&self) -> bool {
        true
    }

    /// Processor time so far.
    fn cpu(&self) -> Result<Cpu>;
}

/// Processor time of an engine: of what keeps the state, and of what runs the steps.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    pub server: Duration,
    pub worker: Duration,
}

impl Cpu {
    pub fn since(self, before: Self) -> Self {
        Self {
            server: self.server.saturating_sub(before.server),
            worker: self.worker.saturating_sub(before.worker),
        }
    }
}

/// What was done, in how long.
#[derive(Debug, Default)]
pub struct Done {
    /// Milliseconds of each workflow.
    pub latencies: Vec<f64>,
    pub wall: Duration,
}

/// Runs `once` so many times, by clients that each do it again and again.
pub async fn drive(
    clients: usize,
    times: usize,
    once: impl AsyncFn() -> Result<()>,
) -> Result<Done> {
    let (start, left) = (Instant::now(), AtomicUsize::new(times));
    let client = async || {
        let mut latencies = Vec::new();
        while take(&left) {
            let start = Instant::now();
            let ended = tokio::time::timeout(PATIENCE, once()).await;
            ended.context("a workflow did not end")??;
            latencies.push(start.elapsed().as_secs_f64() * 1e3);
        }
        anyhow::Ok(latencies)
    };
    let latencies = try_join_all((0..clients).map(|_| client())).await?;
    Ok(Done {
        latencies: latencies.concat(),
        wall: start.elapsed(),
    })
}

fn take(left: &AtomicUsize) -> bool {
    let less = |left: usize| left.checked_sub(1);
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
        .is_ok()
}
