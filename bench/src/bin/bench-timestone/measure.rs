//! One measurement of one queue: pick-up while it is idle, then one message a call, then batches.

use std::time::Duration;

use anyhow::Result;
use bench::cpu;
use serde::Serialize;

use crate::load::{Act, Connections, Done, drive, pick_up};
use crate::queue::{Phase, Queue};

/// Messages of a batch.
pub const BATCH: usize = 100;

/// How much is done.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Plan {
    pub clients: usize,
    /// Messages, one a call.
    pub messages: usize,
    /// Calls of [`BATCH`] messages.
    pub batches: usize,
    pub pick_ups: usize,
}

impl Plan {
    /// Done first, and not counted.
    pub fn warm_up(&self) -> usize {
        self.messages / 10
    }

    /// Enqueued beyond what is leased, so that no client ever finds the queue empty, not
    /// even when each of the others has a message in hand.
    pub fn surplus(&self) -> usize {
        2 * self.clients
    }
}

/// What one act cost in one run.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Messages per second.
    pub rate: f64,
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    /// `None`: there is no server.
    pub server_cpu_us_per_op: Option<f64>,
    pub client_cpu_us_per_op: Option<f64>,
}

/// Milliseconds from an enqueue until a waiting worker has the message.
#[derive(Clone, Copy, Debug)]
pub struct PickUp {
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// One run. What a queue cannot do is `None`.
#[derive(Clone, Debug, Default)]
pub struct Run {
    pub version: String,
    pub enqueue: Option<Figures>,
    pub lease_complete: Option<Figures>,
    pub batch_enqueue: Option<Figures>,
    pub batch_lease_complete: Option<Figures>,
    pub pick_up: Option<PickUp>,
}

/// Measures `queue`, which is empty.
pub async fn measure(queue: &dyn Queue, plan: &Plan) -> Result<Run> {
    let mut run = Run {
        version: queue.version(),
        ..Run::default()
    };
    let load = Load { queue, plan };
    let mut connections = queue.connect(plan.clients).await?;
    if queue.can_wait() {
        run.pick_up = Some(load.pick_up(&mut connections).await?);
    }
    load.warm_up(&mut connections).await?;
    let single = load.both(&mut connections, 1, plan.messages).await?;
    (run.enqueue, run.lease_complete) = (Some(single.0), Some(single.1));
    queue.begin(Phase::Batches);
    if queue.has_batches() {
        let batches = load.both(&mut connections, BATCH, plan.batches).await?;
        (run.batch_enqueue, run.batch_lease_complete) = (Some(batches.0), Some(batches.1));
    }
    Ok(run)
}

struct Load<'a> {
    queue: &'a dyn Queue,
    plan: &'a Plan,
}

impl Load<'_> {
    async fn pick_up(&self, connections: &mut Connections) -> Result<PickUp> {
        pick_up(connections, self.plan.pick_ups.div_ceil(10)).await?;
        let mut done = pick_up(connections, self.plan.pick_ups).await?;
        Ok(PickUp {
            p50_ms: done.quantile(0.50).unwrap_or(f64::NAN),
            p99_ms: done.quantile(0.99).unwrap_or(f64::NAN),
        })
    }

    async fn warm_up(&self, connections: &mut Connections) -> Result<()> {
        let times = self.plan.warm_up();
        let more = times + self.plan.surplus();
        drive(connections, Act::Enqueue(1), more).await?;
        drive(connections, Act::LeaseComplete(1), times).await?;
        Ok(())
    }

    /// Enqueues, then leases and completes, `times` calls each.
    async fn both(
        &self,
        connections: &mut Connections,
        batch: usize,
        times: usize,
    ) -> Result<(Figures, Figures)> {
        let more = times + self.plan.surplus();
        self.begin(Phase::Enqueue, batch);
        let enqueue = self.cost(connections, Act::Enqueue(batch), more).await?;
        self.begin(Phase::LeaseComplete, batch);
        let act = Act::LeaseComplete(batch);
        let lease_complete = self.cost(connections, act, times).await?;
        Ok((enqueue, lease_complete))
    }

    fn begin(&self, phase: Phase, batch: usize) {
        if batch == 1 {
            self.queue.begin(phase);
        }
    }

    async fn cost(&self, connections: &mut Connections, act: Act, times: usize) -> Result<Figures> {
        let before = Cost::now(self.queue.process())?;
        let done = drive(connections, act, times).await?;
        Ok(before.since(done, Cost::now(self.queue.process())?))
    }
}

/// Processor time so far.
struct Cost {
    server: Option<Duration>,
    client: Duration,
}

impl Cost {
    fn now(server: Option<u32>) -> Result<Self> {
        Ok(Self {
            server: server.map(cpu::of_tree).transpose()?,
            client: cpu::of_self(),
        })
    }

    fn since(&self, mut done: Done, after: Self) -> Figures {
        let messages = done.messages as f64;
        let per_op = |time: Duration| time.as_secs_f64() * 1e6 / messages;
        let servers = self.server.zip(after.server);
        Figures {
            rate: done.rate(),
            p50_ms: done.quantile(0.50),
            p99_ms: done.quantile(0.99),
            server_cpu_us_per_op: servers.map(|(from, to)| per_op(to.saturating_sub(from))),
            client_cpu_us_per_op: Some(per_op(after.client - self.client)),
        }
    }
}
