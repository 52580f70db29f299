//! The load: many clients, each making one call after another.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bench::stats::quantile;
use tokio::task::JoinSet;

use crate::queue::{Connection, Message};

/// How long one call may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// A worker has begun to wait after this long: what an idle pick-up begins with.
const IDLE: Duration = Duration::from_millis(5);

/// Connections, on loan to the clients of one load.
pub type Connections = Vec<Box<dyn Connection>>;

/// What each client does, again and again, with so many messages a call.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    Enqueue(usize),
    LeaseComplete(usize),
}

/// What was done, in how long.
#[derive(Debug, Default)]
pub struct Done {
    pub messages: usize,
    pub wall: Duration,
    /// Milliseconds of each act.
    pub latencies: Vec<f64>,
}

impl Done {
    pub fn rate(&self) -> f64 {
        self.messages as f64 / self.wall.as_secs_f64()
    }

    pub fn quantile(&mut self, q: f64) -> Option<f64> {
        quantile(&mut self.latencies, q)
    }
}

/// Makes all connections together do `act` this many `times`.
pub async fn drive(connections: &mut Connections, act: Act, times: usize) -> Result<Done> {
    let left = Arc::new(AtomicUsize::new(times));
    let mut clients = JoinSet::new();
    let start = Instant::now();
    for connection in connections.drain(..) {
        clients.spawn(client(connection, act, Arc::clone(&left)));
    }
    let mut all = Done::default();
    while let Some(ended) = clients.join_next().await {
        let (connection, done) = ended??;
        connections.push(connection);
        all.messages += done.messages;
        all.latencies.extend(done.latencies);
    }
    all.wall = start.elapsed();
    Ok(all)
}

async fn client(
    mut connection: Box<dyn Connection>,
    act: Act,
    left: Arc<AtomicUsize>,
) -> Result<(Box<dyn Connection>, Done)> {
    let mut done = Done::default();
    while take(&left) {
        let start = Instant::now();
        let once = tokio::time::timeout(PATIENCE, once(&mut *connection, act));
        let messages = once.await.context("a call was not answered")?;
        done.messages += messages.with_context(|| format!("{act:?}"))?;
        done.latencies.push(milliseconds(start.elapsed()));
    }
    Ok((connection, done))
}

fn take(left: &AtomicUsize) -> bool {
    let less = |left: usize| left.checked_sub(1);
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
        .is_ok()
}

async fn once(connection: &mut dyn Connection, act: Act) -> Result<usize> {
    match act {
        Act::Enqueue(messages) => {
            let batch = (0..messages).map(|_| Message::next()).collect();
            connection.enqueue(batch).await?;
            Ok(messages)
        }
        Act::LeaseComplete(max) => {
            let leased = connection.lease(max).await?;
            ensure!(leased > 0, "the queue gave nothing, though there is more");
            connection.complete().await?;
            Ok(leased)
        }
    }
}

/// From the beginning of an enqueue until a worker that waits has the message.
pub async fn pick_up(connections: &mut Connections, times: usize) -> Result<Done> {
    let producer = connections.pop().context("no producer")?;
    let worker = connections.pop().context("no worker")?;
    // A task as all clients are: the thread that drives the measurement is another.
    let (pair, done) = tokio::spawn(hand_over(producer, worker, times)).await??;
    connections.extend(pair);
    Ok(done)
}

async fn hand_over(
    mut producer: Box<dyn Connection>,
    mut worker: Box<dyn Connection>,
    times: usize,
) -> Result<([Box<dyn Connection>; 2], Done)> {
    let mut done = Done::default();
    for _ in 0..times {
        let waiting = tokio::spawn(async move {
            let leased = worker.lease(1).await;
            (worker, leased, Instant::now())
        });
        tokio::time::sleep(IDLE).await;
        let start = Instant::now();
        producer.enqueue(vec![Message::next()]).await?;
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        let (back, leased, at) = waited.context("a message was not picked up")??;
        ensure!(leased? == 1, "the worker got no message");
        worker = back;
        worker.complete().await?;
        done.messages += 1;
        done.latencies.push(milliseconds(at - start));
    }
    Ok(([worker, producer], done))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
