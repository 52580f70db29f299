use stratum_placement::{
    Decision, Goal, Host, Invalid, Patience, Placer, Pool, PoolId, Resources, Scaler, Task, TaskId,
    WorkerId,
};

use super::{Act, Scheduler};
use crate::{HostKind, Mix, PoolShare, Queue};

/// Where a worker's number says which queue it is of.
const QUEUE_SHIFT: u32 = 40;
/// Something may be overdue: a round decides although nothing else changed.
const PAUSE_MS: u64 = 10_000;

/// Stratum's own placement and scaling.
pub(super) struct Ours {
    placer: Placer,
    queues: Vec<Served>,
    has_changed: bool,
    decided: u64,
}

struct Served {
    scaler: Scaler,
    queue: Queue,
    pool: PoolId,
}

impl Ours {
    pub(super) fn new(mix: &Mix, hosts: usize) -> Result<Self, Invalid> {
        let cores = hosts as u64 * u64::from(mix.host.shape.cpus);
        let pools = mix.pools.iter().map(|share| pool(share, cores)).collect();
        let mut placer = Placer::new(pools, Patience::default())?;
        for n in 0..hosts {
            placer.add_host(host(&mix.host, n))?;
        }
        let served = mix.queues.iter().map(|queue| {
            let missing = Invalid::Pool {
                pool: queue.pool.clone(),
                rule: "it is not among the pools",
            };
            Ok(Served {
                scaler: Scaler::new(goal(queue, cores)),
                pool: placer.pool(&queue.pool).ok_or(missing)?,
                queue: queue.clone(),
            })
        });
        Ok(Self {
            queues: served.collect::<Result<_, Invalid>>()?,
            placer,
            has_changed: false,
            decided: 0,
        })
    }

    fn scale(&mut self, now: u64, acts: &mut Vec<Act>) -> Result<(), Invalid> {
        for (n, served) in self.queues.iter_mut().enumerate() {
            let spare = match self.placer.waiting() {
                0 => fitting(served.queue.demand(), self.placer.total_free()),
                _ => 0,
            };
            let scaling = served.scaler.decide(now, spare);
            self.has_changed |= scaling.from != scaling.to;
            for worker in scaling.launch {
                self.placer.submit(Task {
                    id: task(n, worker),
                    pool: served.pool,
                    class: served.queue.class.into(),
                    deadline: served.scaler.earliest(),
                    since: now,
                    demand: served.queue.demand(),
                })?;
            }
            for worker in scaling.stop {
                let task = task(n, worker);
                self.placer.remove(task);
                acts.push(Act::Stop { worker: task.0 });
            }
        }
        Ok(())
    }

    fn place(&mut self, now: u64, acts: &mut Vec<Act>) {
        let is_due = self.placer.waiting() > 0 && now >= self.decided + PAUSE_MS;
        if !self.has_changed && !is_due {
            return;
        }
        (self.has_changed, self.decided) = (false, now);
        for decision in self.placer.decide(now) {
            match decision {
                Decision::Start(start) => acts.push(Act::Start {
                    worker: start.task.0,
                    queue: queue_of(start.task.0),
                    host: start.host.number() as usize,
                }),
                Decision::Preempt(preempt) => self.give_way(preempt.task.0, now, acts),
                Decision::Keep(_) => {}
            }
        }
    }

    /// The worker is no more; its scaler decides whether there is to be another.
    fn give_way(&mut self, worker: u64, now: u64, acts: &mut Vec<Act>) {
        self.placer.remove(TaskId(worker));
        self.of(worker).gone(id(worker), now);
        self.has_changed = true;
        acts.push(Act::Preempt { worker });
    }

    fn of(&mut self, worker: u64) -> &mut Scaler {
        &mut self.queues[queue_of(worker)].scaler
    }
}

impl Scheduler for Ours {
    fn arrived(&mut self, queue: usize, deadline: u64, now: u64) {
        self.queues[queue].scaler.arrived(Some(deadline), now);
    }

    fn ready(&mut self, worker: u64, now: u64) {
        self.of(worker).ready(id(worker), now);
    }

    fn taken(&mut self, worker: u64, deadline: u64) {
        self.of(worker).taken(id(worker), deadline);
    }

    fn ended(&mut self, worker: u64, deadline: u64, took: u64, now: u64) {
        self.of(worker).ended(id(worker), deadline, took, now);
    }

    fn keeps_workers(&self) -> bool {
        true
    }

    fn left(&mut self, _worker: u64) {}

    fn decide(&mut self, now: u64) -> Vec<Act> {
        let mut acts = Vec::new();
        // Every worker has a number of its own and asks for what its queue was checked for.
        if self.scale(now, &mut acts).is_ok() {
            self.place(now, &mut acts);
        }
        acts
    }
}

fn pool(share: &PoolShare, cores: u64) -> Pool {
    Pool {
        reserved: Resources::new(cores * share.reserved_percent / 100, 0, 0, 0),
        weight: share.weight,
        ..Pool::named(&share.name)
    }
}

fn host(kind: &HostKind, n: usize) -> Host {
    Host {
        name: format!("h{n}"),
        capacity: kind.capacity(),
    }
}

fn goal(queue: &Queue, cores: u64) -> Goal {
    Goal {
        min: 0,
        max: cores / u64::from(queue.shape.cpus.max(1)),
        warm: queue.warm,
        target_ms: queue.deadline_seconds * 1_000,
        idle_ms: 60_000,
        batch: queue.batch,
        opportunistic: queue.class == crate::mix::ClassName::Opportunistic,
        service_ms: queue.seconds * 1_000,
        launch_ms: queue.launch_seconds * 1_000,
    }
}

fn task(queue: usize, worker: WorkerId) -> TaskId {
    TaskId((queue as u64) << QUEUE_SHIFT | worker.0)
}

fn id(worker: u64) -> WorkerId {
    WorkerId(worker & ((1 << QUEUE_SHIFT) - 1))
}

fn queue_of(worker: u64) -> usize {
    (worker >> QUEUE_SHIFT) as usize
}

/// How many would fit if all that is free were in one place.
fn fitting(demand: Resources, free: Resources) -> u64 {
    let needed = demand.amounts().into_iter().zip(free.amounts());
    let each = needed.filter_map(|(demand, free)| free.checked_div(demand));
    each.min().unwrap_or(0)
}
