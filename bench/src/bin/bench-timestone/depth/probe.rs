//! How long a dequeue takes. Each message that is taken is completed, and another takes
//! its place, both outside the measurement.

use std::time::Instant;

use anyhow::{Context, Result};
use bench::stats::quantile;
use serde::Serialize;
use timestone::{Completion, LeaseToken};
use timestone_client::{Client, DequeueRequest};
use tokio::task::JoinSet;

use super::fill::{Kind, QUEUE, enqueue, session};

/// How long a dequeue may wait for the owner, in milliseconds.
const WAIT_MS: u64 = 60_000;

/// Of all dequeues, in milliseconds.
#[derive(Clone, Copy, Serialize)]
pub struct Latency {
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// `times` dequeues by `clients` that share a connection.
pub async fn dequeues(
    client: &Client,
    kind: Kind,
    clients: usize,
    times: usize,
) -> Result<Latency> {
    let mut workers = JoinSet::new();
    for worker in 0..clients {
        let client = client.clone();
        let name = format!("{clients}/{worker}");
        workers.spawn(async move { work(&client, kind, &name, times.div_ceil(clients)).await });
    }
    let mut all = Vec::with_capacity(times);
    while let Some(ended) = workers.join_next().await {
        all.extend(ended??);
    }
    Ok(Latency {
        p50_ms: quantile(&mut all, 0.50).context("no dequeue")?,
        p99_ms: quantile(&mut all, 0.99).context("no dequeue")?,
    })
}

async fn work(client: &Client, kind: Kind, name: &str, times: usize) -> Result<Vec<f64>> {
    let mut latencies = Vec::with_capacity(times);
    for call in 0..times {
        let start = Instant::now();
        let token = lease(client, name, call).await?;
        latencies.push(start.elapsed().as_secs_f64() * 1e3);
        let completion = Completion {
            token,
            then_enqueue: Vec::new(),
        };
        client.complete(vec![completion]).await?;
        enqueue(client, kind, 1).await?;
    }
    Ok(latencies)
}

/// Leases the next message.
pub async fn lease(client: &Client, name: &str, call: usize) -> Result<LeaseToken> {
    let request = DequeueRequest {
        queues: vec![QUEUE.into()],
        max: 1,
        wait_ms: WAIT_MS,
        lease_ms: None,
        session: session(),
        request_id: format!("{name}/{call}"),
    };
    let leased = client.dequeue(request).await?.into_iter().next();
    Ok(leased.context("the queue gave nothing")?.token)
}
