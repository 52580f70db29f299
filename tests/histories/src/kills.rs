//! Histories over processes that are killed again and again meanwhile.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clock::SystemClock;
use timestone::{QueueConfig, shard_of};
use timestone_client::Timestone;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Random;
use crate::call::{Act, Answer};
use crate::history::History;
use crate::inspect::inspect;
use crate::notes::Notes;
use crate::planted::Mistake;
use crate::record::{Caller, config};
use crate::served::{Adapter, Blow, Served};
use crate::spec::{Lapses, Spec};

/// The shortest that a lease can be: histories are short.
const LEASE_MS: u64 = 100;
/// Over a database, whose recovery takes longer.
const LEASE_OVER_DATABASE_MS: u64 = 400;
/// Over several servers, of which one takes over from another: longer than that takes.
const LEASE_OVER_FLEET_MS: u64 = 8_000;
/// By how much the clocks of the server and of who notes may differ, rounded as they are.
const ROUNDED_MS: i64 = 2;
/// How much the queue's time may lag behind the database's when it takes over.
const LAG_MS: i64 = 50;
/// Calls of one history, without the inspector's.
const CALLS: u32 = 48;
/// Blows in one history, at most.
const BLOWS: u32 = 4;
/// The longest between two, in tenths of a millisecond.
const PAUSE: u64 = 150;

/// One history in a queue of its own.
pub struct Kills {
    /// One; of a queue in several shards, one of each.
    pub histories: Vec<History>,
    /// What fell while clients called.
    pub blows: Vec<Blow>,
}

/// Who calls, and how.
struct Plan {
    queue: String,
    clients: u32,
    shared: bool,
    exclusive: bool,
    /// Shards that the queue is spread over, where there are several.
    partitions: u32,
    random: Random,
}

impl Plan {
    fn seeded(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let (clients, shared) = (2 + random.below(3) as u32, random.below(2) == 1);
        let exclusive = random.below(2) == 1;
        let partitions = match exclusive {
            true => 1,
            false => 1 + random.below(3) as u32,
        };
        Self {
            queue: format!("q{seed}"),
            clients,
            shared,
            exclusive,
            partitions,
            random,
        }
    }

    /// A server alone has one shard.
    fn at(self, adapter: Adapter) -> Self {
        match adapter {
            Adapter::Fleet => self,
            Adapter::Fjall | Adapter::Postgres => Self {
                partitions: 1,
                ..self
            },
        }
    }

    fn caller(
        &self,
        seed: u64,
        number: u32,
        timestone: watch::Receiver<Arc<dyn Timestone>>,
        notes: &Notes,
    ) -> Caller {
        Caller {
            number,
            queue: self.queue.clone(),
            timestone,
            notes: notes.clone(),
            random: Random::new(seed ^ u64::from(number + 1) << 32),
            payload_bytes: 2_000,
            tokens: Vec::new(),
        }
    }

    /// Each shard of a queue is a queue: it gives what is most urgent there, and nothing only
    /// when it has nothing.
    fn histories(&self, history: History) -> Vec<History> {
        let partition = |message: u16| shard_of(&message.to_string(), self.partitions);
        history.parts(self.partitions, partition)
    }

    fn blow(&mut self, served: &Served) -> Blow {
        if served.mistake() == Some(Mistake::IgnoresFences) {
            // Who was killed writes nothing any more.
            return Blow::Stall;
        }
        match (served.adapter(), self.random.below(8)) {
            (Adapter::Fjall, _) | (Adapter::Postgres, 0..3) => Blow::Server,
            (Adapter::Postgres, 3..5) => Blow::Backend,
            (Adapter::Postgres, 5..7) => Blow::Database,
            (Adapter::Postgres, _) => Blow::Both,
            (Adapter::Fleet, 0..4) => Blow::Server,
            (Adapter::Fleet, 4..6) => Blow::Stall,
            (Adapter::Fleet, 6) => Blow::Database,
            (Adapter::Fleet, _) => Blow::Both,
        }
    }

    fn pause(&mut self) -> Duration {
        Duration::from_micros(self.random.below(PAUSE) * 100)
    }
}

fn spec(adapter: Adapter, exclusive: bool) -> Spec {
    let (lease_ms, lapses) = match adapter {
        Adapter::Fleet => (LEASE_OVER_FLEET_MS, Lapses::NotBefore(LAG_MS)),
        Adapter::Fjall => (LEASE_MS, Lapses::InTime(ROUNDED_MS)),
        // Who loses the database takes the queue over anew, whenever it notices.
        Adapter::Postgres => (LEASE_OVER_DATABASE_MS, Lapses::NotBefore(LAG_MS)),
    };
    Spec {
        lease_ms: lease_ms as i64,
        // Servers try again, of themselves, what another did not answer.
        repeats: adapter == Adapter::Fleet,
        exclusive,
        lapses,
    }
}

/// Calls and kills as the seed says, and inspects what is left.
pub async fn kill(served: &mut Served, seed: u64) -> Result<Kills> {
    let mut plan = Plan::seeded(seed).at(served.adapter());
    let spec = spec(served.adapter(), plan.exclusive);
    let config = QueueConfig {
        partitions: plan.partitions,
        ..config(spec.lease_ms as u64, plan.exclusive)
    };
    served.client()?.put_queue(&plan.queue, config).await?;
    let notes = Notes::new(Arc::new(SystemClock));
    let (mut senders, mut callers) = (Vec::new(), Vec::new());
    for (number, timestone) in (0..).zip(served.reach(plan.clients, plan.shared)?) {
        let (sender, timestone) = watch::channel(timestone);
        senders.push(sender);
        let caller = plan.caller(seed, number, timestone, &notes);
        callers.push(tokio::spawn(caller.run(CALLS / plan.clients)));
    }
    let blows = strike(served, &mut plan, &notes, &senders, &callers).await?;
    for caller in callers {
        caller.await.context("a client failed")?;
    }
    inspect(Arc::new(served.client()?), &plan.queue, &notes).await;
    Ok(Kills {
        histories: plan.histories(History::new(spec, notes.calls(), notes.sights())),
        blows,
    })
}

/// Strikes while anybody calls, and leads everybody to what stands again.
async fn strike(
    served: &mut Served,
    plan: &mut Plan,
    notes: &Notes,
    senders: &[watch::Sender<Arc<dyn Timestone>>],
    callers: &[JoinHandle<()>],
) -> Result<Vec<Blow>> {
    let mut blows = Vec::new();
    tokio::time::sleep(plan.pause()).await;
    while callers.iter().any(|caller| !caller.is_finished()) {
        if blows.len() < BLOWS as usize {
            let blow = plan.blow(served);
            let begun = notes.begin();
            served.strike(blow).await?;
            notes.end(begun, u32::MAX, Act::Restart, Some(Answer::Done));
            blows.push(blow);
        }
        for (sender, timestone) in senders.iter().zip(served.reach(plan.clients, plan.shared)?) {
            sender.send_replace(timestone);
        }
        tokio::time::sleep(plan.pause()).await;
    }
    Ok(blows)
}
