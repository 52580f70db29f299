//! What is told in the end: medians over the runs, and ratios of them.

use std::collections::BTreeMap;

use bench::disk::Fsync;
use bench::machine::Machine;
use bench::stats::median;
use serde::Serialize;

use crate::measure::{BATCH, Figures, Plan, Run};
use crate::peers::{DURABLE, Peer};
use crate::queue::{PAYLOAD_BYTES, PRIORITIES};

#[derive(Serialize)]
pub struct Report {
    pub machine: Machine,
    pub settings: Settings,
    /// Of the disk that every queue writes to; measured first.
    pub fsync: Fsync,
    pub ours: Ours,
    pub peers: BTreeMap<Peer, Measured>,
    pub skipped: Vec<Skipped>,
    pub ratios: Ratios,
}

#[derive(Serialize)]
pub struct Settings {
    pub runs: usize,
    pub payload_bytes: usize,
    pub priorities: u64,
    pub batch: usize,
    #[serde(flatten)]
    pub plan: Plan,
}

impl Settings {
    pub fn new(runs: usize, plan: Plan) -> Self {
        Self {
            runs,
            payload_bytes: PAYLOAD_BYTES,
            priorities: PRIORITIES,
            batch: BATCH,
            plan,
        }
    }
}

#[derive(Serialize)]
pub struct Ours {
    /// All clients are clones of one, and ask for messages.
    pub shared_client: Measured,
    /// As `shared_client`, and the server sends messages to workers that are free: what the
    /// ratios of single messages are made of, as the peers' libraries work so.
    pub consumer: Measured,
    pub connection_per_client: Measured,
    /// No server: the queue in the process of its clients.
    pub in_process: Measured,
    /// The commits of `in_process`, without the queue; latencies are those of a commit.
    pub raw_store: Measured,
}

/// A peer that was not measured to the end.
#[derive(Serialize)]
pub struct Skipped {
    pub peer: Peer,
    pub why: String,
}

/// Medians over the runs.
#[derive(Serialize)]
pub struct Measured {
    pub version: String,
    pub enqueue: Option<Medians>,
    pub lease_complete: Option<Medians>,
    pub batch_enqueue: Option<Medians>,
    pub batch_lease_complete: Option<Medians>,
    pub pick_up: Option<PickUp>,
}

/// Medians over the runs of one act; rates are messages per second.
#[derive(Serialize)]
pub struct Medians {
    pub rate: f64,
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub server_cpu_us_per_op: Option<f64>,
    pub client_cpu_us_per_op: Option<f64>,
    /// Of every run.
    pub rates: Vec<f64>,
}

#[derive(Serialize)]
pub struct PickUp {
    pub p50_ms: f64,
    pub p99_ms: f64,
}

impl Measured {
    /// `None` when there was no run.
    pub fn of(runs: &[Run]) -> Option<Self> {
        let pick_ups = || runs.iter().filter_map(|run| run.pick_up);
        let pick_up =
            median(pick_ups().map(|p| p.p50_ms)).zip(median(pick_ups().map(|p| p.p99_ms)));
        Some(Self {
            version: runs.first()?.version.clone(),
            enqueue: Medians::of(runs, |run| run.enqueue),
            lease_complete: Medians::of(runs, |run| run.lease_complete),
            batch_enqueue: Medians::of(runs, |run| run.batch_enqueue),
            batch_lease_complete: Medians::of(runs, |run| run.batch_lease_complete),
            pick_up: pick_up.map(|(p50_ms, p99_ms)| PickUp { p50_ms, p99_ms }),
        })
    }

    /// The server's processor time for one message, from its enqueue to its end.
    fn cpu(&self) -> Option<f64> {
        let of = |medians: &Option<Medians>| medians.as_ref()?.server_cpu_us_per_op;
        Some(of(&self.enqueue)? + of(&self.lease_complete)?)
    }

    fn pick_up_p50(&self) -> Option<f64> {
        Some(self.pick_up.as_ref()?.p50_ms)
    }
}

impl Medians {
    fn of(runs: &[Run], act: fn(&Run) -> Option<Figures>) -> Option<Self> {
        let figures: Vec<_> = runs.iter().filter_map(act).collect();
        let of = |pick: fn(&Figures) -> Option<f64>| median(figures.iter().filter_map(pick));
        Some(Self {
            rate: median(figures.iter().map(|figures| figures.rate))?,
            p50_ms: of(|figures| figures.p50_ms),
            p99_ms: of(|figures| figures.p99_ms),
            server_cpu_us_per_op: of(|figures| figures.server_cpu_us_per_op),
            client_cpu_us_per_op: of(|figures| figures.client_cpu_us_per_op),
            rates: figures.iter().map(|figures| figures.rate).collect(),
        })
    }
}

/// Ours over theirs. A ratio to a peer that was not measured is null; one to the best of
/// the durable peers is of those that were, and null when any is missing.
#[derive(Debug, PartialEq, Serialize)]
pub struct Ratios {
    pub lease_complete_vs_best_durable_peer: Option<f64>,
    pub enqueue_vs_best_durable_peer: Option<f64>,
    pub batch_enqueue_vs_postgres: Option<f64>,
    /// Batches are leased and completed.
    pub batch_vs_postgres: Option<f64>,
    pub pickup_p50_vs_best_durable_peer: Option<f64>,
    pub pickup_p50_vs_bullmq: Option<f64>,
    /// Of the servers, for one message from its enqueue to its end.
    pub cpu_per_op_vs_best_durable_peer: Option<f64>,
    /// The lower one of enqueue and lease+complete.
    pub in_process_vs_raw_store: Option<f64>,
}

type Act = fn(&Measured) -> &Option<Medians>;

impl Ratios {
    pub fn of(ours: &Ours, peers: &BTreeMap<Peer, Measured>) -> Self {
        let with = Side { ours, peers };
        Self {
            lease_complete_vs_best_durable_peer: with.rate_vs_durable(|m| &m.lease_complete),
            enqueue_vs_best_durable_peer: with.rate_vs_durable(|m| &m.enqueue),
            batch_enqueue_vs_postgres: with.rate_vs(Peer::Postgres, |m| &m.batch_enqueue),
            batch_vs_postgres: with.rate_vs(Peer::Postgres, |m| &m.batch_lease_complete),
            pickup_p50_vs_best_durable_peer: with.least_vs_durable(Measured::pick_up_p50),
            pickup_p50_vs_bullmq: with.pick_up_vs(Peer::Bullmq),
            cpu_per_op_vs_best_durable_peer: with.least_vs_durable(Measured::cpu),
            in_process_vs_raw_store: with.in_process_vs_raw_store(),
        }
    }
}

struct Side<'a> {
    ours: &'a Ours,
    peers: &'a BTreeMap<Peer, Measured>,
}

impl Side<'_> {
    /// What each durable peer has; `None` when one of them has none, as it might be the best.
    fn durable(&self, of: impl Fn(&Measured) -> Option<f64>) -> Option<Vec<f64>> {
        DURABLE
            .iter()
            .map(|peer| of(self.peers.get(peer)?))
            .collect()
    }

    fn rate_vs_durable(&self, act: Act) -> Option<f64> {
        let theirs = self.durable(|peer| rate(peer, act))?;
        let best = theirs.into_iter().max_by(f64::total_cmp)?;
        over(rate(&self.ours.consumer, act)?, best)
    }

    fn least_vs_durable(&self, of: fn(&Measured) -> Option<f64>) -> Option<f64> {
        let best = self.durable(of)?.into_iter().min_by(f64::total_cmp)?;
        over(of(&self.ours.consumer)?, best)
    }

    fn rate_vs(&self, peer: Peer, act: Act) -> Option<f64> {
        over(
            rate(&self.ours.shared_client, act)?,
            rate(self.peers.get(&peer)?, act)?,
        )
    }

    fn pick_up_vs(&self, peer: Peer) -> Option<f64> {
        over(
            self.ours.consumer.pick_up_p50()?,
            self.peers.get(&peer)?.pick_up_p50()?,
        )
    }

    fn in_process_vs_raw_store(&self) -> Option<f64> {
        let (queue, store) = (&self.ours.in_process, &self.ours.raw_store);
        let of = |act: Act| over(rate(queue, act)?, rate(store, act)?);
        Some(of(|m| &m.enqueue)?.min(of(|m| &m.lease_complete)?))
    }
}

fn rate(of: &Measured, act: Act) -> Option<f64> {
    Some(act(of).as_ref()?.rate)
}

/// A quotient that means something.
fn over(ours: f64, theirs: f64) -> Option<f64> {
    let ratio = ours / theirs;
    ratio.is_finite().then_some(ratio)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure;

    fn measured(rate: f64, cpu: f64, pick_up: f64) -> Measured {
        let figures = Some(Figures {
            rate,
            p50_ms: Some(1.0),
            p99_ms: Some(2.0),
            server_cpu_us_per_op: Some(cpu),
            client_cpu_us_per_op: None,
        });
        let run = Run {
            version: "1".into(),
            enqueue: figures,
            lease_complete: figures,
            pick_up: Some(measure::PickUp {
                p50_ms: pick_up,
                p99_ms: pick_up,
            }),
            ..Run::default()
        };
        Measured::of(&[run]).unwrap()
    }

    fn ours() -> Ours {
        Ours {
            shared_client: measured(250.0, 15.0, 1.5),
            consumer: measured(300.0, 10.0, 1.0),
            connection_per_client: measured(200.0, 20.0, 2.0),
            in_process: measured(400.0, 5.0, 0.5),
            raw_store: measured(500.0, 5.0, 0.5),
        }
    }

    fn durable() -> BTreeMap<Peer, Measured> {
        BTreeMap::from([
            (Peer::Bullmq, measured(100.0, 40.0, 4.0)),
            (Peer::Rabbitmq, measured(150.0, 80.0, 2.0)),
            (Peer::Beanstalkd, measured(50.0, 10.0, 0.5)),
        ])
    }

    #[test]
    fn ratios_are_to_the_best_of_the_durable_peers() {
        let ratios = Ratios::of(&ours(), &durable());
        let expected = Ratios {
            lease_complete_vs_best_durable_peer: Some(2.0),
            enqueue_vs_best_durable_peer: Some(2.0),
            batch_enqueue_vs_postgres: None,
            batch_vs_postgres: None,
            pickup_p50_vs_best_durable_peer: Some(2.0),
            pickup_p50_vs_bullmq: Some(0.25),
            cpu_per_op_vs_best_durable_peer: Some(1.0),
            in_process_vs_raw_store: Some(0.8),
        };
        assert_eq!(ratios, expected);
    }

    #[test]
    fn nobody_is_best_while_one_is_missing() {
        let mut peers = durable();
        peers.remove(&Peer::Rabbitmq);
        let ratios = Ratios::of(&ours(), &peers);
        assert_eq!(ratios.enqueue_vs_best_durable_peer, None);
        assert_eq!(ratios.cpu_per_op_vs_best_durable_peer, None);
        assert_eq!(ratios.pickup_p50_vs_bullmq, Some(0.25));
    }
}
