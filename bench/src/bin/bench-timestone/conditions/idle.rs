//! What workers cost that wait for nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bench::{cpu, disk};
use serde::Serialize;
use timestone_client::{Client, DequeueRequest};
use tokio::task::JoinSet;

use crate::ours::{Remote, Sharing, session};
use crate::queue::Queue;

/// Each queue has so many workers.
const WORKERS_OF_A_QUEUE: usize = 10;
/// How long a worker asks to wait; then it asks again.
const WAIT_MS: u64 = 60_000;
/// From the first call until everybody waits.
const SETTLING: Duration = Duration::from_secs(3);

#[derive(Serialize)]
pub struct Report {
    seconds: f64,
    /// Processor time of the server in that time; 1 = one processor all the time.
    pub server_share_of_processor: f64,
    clients_share_of_processor: f64,
    /// What the server had the disk write.
    pub bytes_written: u64,
}

/// Workers with a connection each, one call after another, for so many seconds.
pub async fn measure(workers: usize, seconds: u64, scratch: &Path) -> Result<Report> {
    let remote = Remote::start(Sharing::Each, scratch).await?;
    let server = remote.process().context("the server has no process")?;
    let mut waiting = JoinSet::new();
    for n in 0..workers {
        waiting.spawn(wait(remote.client()?, n));
    }
    tokio::time::sleep(SETTLING).await;
    let before = Cost::now(server)?;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let report = before.until(Cost::now(server)?);
    ensure!(waiting.try_join_next().is_none(), "a worker gave up");
    Ok(report)
}

async fn wait(client: Client, n: usize) -> Result<()> {
    for call in 0.. {
        let request = DequeueRequest {
            queues: vec![format!("idle-{}", n / WORKERS_OF_A_QUEUE)],
            max: 1,
            wait_ms: WAIT_MS,
            lease_ms: None,
            session: session(format!("worker-{n}")),
            request_id: call.to_string(),
        };
        let leased = client.dequeue(request).await?;
        ensure!(leased.is_empty(), "there was a message");
    }
    Ok(())
}

struct Cost {
    at: Instant,
    server: Duration,
    client: Duration,
    written: u64,
}

impl Cost {
    fn now(server: u32) -> Result<Self> {
        Ok(Self {
            at: Instant::now(),
            server: cpu::of_tree(server)?,
            client: cpu::of_self(),
            written: disk::bytes_written(server)?,
        })
    }

    fn until(&self, after: Self) -> Report {
        let seconds = (after.at - self.at).as_secs_f64();
        let share = |from: Duration, to: Duration| to.saturating_sub(from).as_secs_f64() / seconds;
        Report {
            seconds,
            server_share_of_processor: share(self.server, after.server),
            clients_share_of_processor: share(self.client, after.client),
            bytes_written: after.written - self.written,
        }
    }
}
