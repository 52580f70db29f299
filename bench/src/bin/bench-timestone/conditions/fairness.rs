//! How long a quiet tenant waits, alone and while another sends more than can be done.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bench::stats::quantile;
use serde::Serialize;
use timestone::{Fairness, NewMessage, QueueConfig};
use timestone_client::{Client, Consumer};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::ours::{QUEUE, Remote, Sharing, all_done, complete, new_message, subscription};
use crate::queue::Message;

const KEY: &str = "tenant";
const QUIET: &str = "quiet";
const FLOOD: &str = "flood";
/// Messages a second of the quiet tenant.
const QUIET_RATE: u32 = 60;
/// As many times more of the other.
const TIMES: u32 = 100;
/// Messages of a call of the other.
const TOGETHER: u32 = 60;
/// Workers, and how long each is busy with a message at least and at most: together they do
/// fewer messages than come, so that the backlog of the flood grows all the time. Were all
/// messages the same work, workers would become free in step, and none in between.
const WORKERS: usize = 60;
const WORK_US: std::ops::Range<u64> = 5_000..15_000;

/// From the beginning of an enqueue until a worker has the message.
#[derive(Serialize)]
pub struct Waiting {
    messages: usize,
    p50_ms: f64,
    pub p99_ms: f64,
}

#[derive(Serialize)]
pub struct Report {
    quiet_per_s: u32,
    flood_per_s: u32,
    /// Messages of the flood that waited in the end.
    backlog: u64,
    pub unloaded: Waiting,
    pub loaded: Waiting,
    pub ratios: Ratios,
}

#[derive(Serialize)]
pub struct Ratios {
    pub quiet_p99: f64,
}

/// The quiet tenant alone, then beside the other, for so many seconds each.
pub async fn measure(seconds: u64, scratch: &Path) -> Result<Report> {
    let (unloaded, _) = waiting(seconds, false, scratch).await?;
    let (loaded, backlog) = waiting(seconds, true, scratch).await?;
    let ratios = Ratios {
        quiet_p99: loaded.p99_ms / unloaded.p99_ms,
    };
    Ok(Report {
        quiet_per_s: QUIET_RATE,
        flood_per_s: QUIET_RATE * TIMES,
        backlog,
        unloaded,
        loaded,
        ratios,
    })
}

async fn waiting(seconds: u64, flooded: bool, scratch: &Path) -> Result<(Waiting, u64)> {
    let remote = Remote::start(Sharing::Sent, scratch).await?;
    let client = remote.client()?;
    client.put_queue(QUEUE, config()).await?;
    let scene = Scene {
        consumer: Arc::new(client.consume(subscription(WORKERS)?)),
        client,
        sent: Arc::default(),
        waited: Arc::default(),
    };
    let mut workers = JoinSet::new();
    for worker in 0..WORKERS as u64 {
        workers.spawn(scene.clone().work(worker));
    }
    let end = Instant::now() + Duration::from_secs(seconds);
    let flood = async {
        match flooded {
            true => scene.send(FLOOD, TOGETHER, QUIET_RATE * TIMES, end).await,
            false => Ok(()),
        }
    };
    let (quiet, flood) = tokio::join!(scene.send(QUIET, 1, QUIET_RATE, end), flood);
    quiet.and(flood)?;
    let counts = scene.client.count(&[QUEUE.into()]).await?;
    workers.shutdown().await;
    Ok((
        scene.waiting()?,
        counts.iter().map(|count| count.pending).sum(),
    ))
}

fn config() -> QueueConfig {
    let fairness = Fairness {
        key: KEY.into(),
        weights: Default::default(),
    };
    QueueConfig {
        fairness: Some(fairness),
        ..QueueConfig::default()
    }
}

/// When each message of the quiet tenant was sent, and how long those waited that came.
#[derive(Clone)]
struct Scene {
    client: Client,
    consumer: Arc<Consumer>,
    sent: Arc<Mutex<HashMap<String, Instant>>>,
    waited: Arc<Mutex<Vec<f64>>>,
}

impl Scene {
    /// Sends `together` at a time, `rate` a second.
    async fn send(&self, tenant: &str, together: u32, rate: u32, end: Instant) -> Result<()> {
        let mut ticks = interval(Duration::from_secs(1) * together / rate);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut calls = JoinSet::new();
        while Instant::now() < end {
            ticks.tick().await;
            let messages: Vec<_> = (0..together).map(|_| of(tenant)).collect();
            if tenant == QUIET {
                let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
                sent.extend(messages.iter().map(|m| (m.id.clone(), Instant::now())));
            }
            let client = self.client.clone();
            calls.spawn(async move { all_done(client.enqueue(messages).await?) });
            while let Some(done) = calls.try_join_next() {
                done??;
            }
        }
        while let Some(done) = calls.join_next().await {
            done??;
        }
        Ok(())
    }

    async fn work(self, worker: u64) -> Result<()> {
        for n in worker.. {
            let token = self.consumer.next().await?.token;
            self.arrived(&token.key.id);
            tokio::time::sleep(busy(n)).await;
            complete(&self.client, [token]).await?;
        }
        Ok(())
    }

    fn arrived(&self, id: &str) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = sent.remove(id) {
            let mut waited = self.waited.lock().unwrap_or_else(PoisonError::into_inner);
            waited.push(at.elapsed().as_secs_f64() * 1e3);
        }
    }

    fn waiting(&self) -> Result<Waiting> {
        let mut waited = self.waited.lock().unwrap_or_else(PoisonError::into_inner);
        let nothing = "no message of the quiet tenant came";
        Ok(Waiting {
            messages: waited.len(),
            p50_ms: quantile(&mut waited, 0.50).context(nothing)?,
            p99_ms: quantile(&mut waited, 0.99).context(nothing)?,
        })
    }
}

/// Spread evenly: multiples of the golden ratio never come near one another.
fn busy(n: u64) -> Duration {
    let span = WORK_US.end - WORK_US.start;
    Duration::from_micros(WORK_US.start + n * 6_180 % span)
}

fn of(tenant: &str) -> NewMessage {
    NewMessage {
        metadata: [(KEY.to_owned(), tenant.to_owned())].into(),
        ..new_message(Message::next())
    }
}
