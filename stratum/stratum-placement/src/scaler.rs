//! How many workers a queue should have.
//!
//! The scaler is told of everything that happens to the queue and to the workers, so that what
//! waits, what is leased and what is still being launched are one consistent count. A scaler that
//! samples them apart launches again what is already on its way.

mod measure;
mod need;
mod scaling;

use std::collections::BTreeMap;

use self::measure::{Arrivals, Mean};
pub use self::scaling::{Reason, Scaling};
use crate::limits;

/// In milliseconds.
const SECOND: u64 = 1_000;

/// Names a worker that a scaler launched; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u64);

/// What the workers of a queue are to achieve. Times are milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goal {
    /// Workers that are always there; 0 scales to zero.
    pub min: u64,
    pub max: u64,
    /// Workers that are ready beside those that are busy.
    pub warm: u64,
    /// In which an invocation without a deadline should have ended.
    pub target_ms: u64,
    /// For how long a worker is kept with nothing to do.
    pub idle_ms: u64,
    /// Invocations that one worker is launched for: short ones are worth no container each.
    pub batch: u64,
    /// Launches only what fits beside everything else; see [`Scaler::decide`].
    pub opportunistic: bool,
    /// A guess at what one invocation takes, until it is measured.
    pub service_ms: u64,
    /// A guess at what it takes until a worker is ready, until it is measured.
    pub launch_ms: u64,
}

/// The workers of a queue, by what they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Workers {
    /// Launched, not ready yet.
    pub pending: u64,
    pub busy: u64,
    pub idle: u64,
}

/// One queue and its workers.
#[derive(Clone, Debug)]
pub struct Scaler {
    goal: Goal,
    /// How many invocations wait that should have ended by a time, in whole seconds.
    waiting: BTreeMap<u64, u64>,
    depth: u64,
    leased: u64,
    workers: BTreeMap<WorkerId, Worker>,
    counts: Workers,
    next: u64,
    arrivals: Arrivals,
    service: Mean,
    launch: Mean,
    /// Launches that failed, one after the other.
    failures: u32,
    /// No launch before, in Unix milliseconds.
    not_before: u64,
}

#[derive(Clone, Debug)]
enum Worker {
    /// Since when.
    Pending(u64),
    /// Since when it has had nothing to do.
    Idle(u64),
    /// By when its invocations should have ended.
    Busy(Vec<u64>),
}

impl Workers {
    /// All of them.
    pub fn all(&self) -> u64 {
        self.pending + self.busy + self.idle
    }

    fn of(&mut self, worker: &Worker) -> &mut u64 {
        match worker {
            Worker::Pending(_) => &mut self.pending,
            Worker::Busy(_) => &mut self.busy,
            Worker::Idle(_) => &mut self.idle,
        }
    }
}

impl Scaler {
    /// A queue without invocations and workers.
    pub fn new(goal: Goal) -> Self {
        let goal = Goal {
            batch: goal.batch.max(1),
            ..goal
        };
        Self {
            goal,
            waiting: BTreeMap::new(),
            depth: 0,
            leased: 0,
            workers: BTreeMap::new(),
            counts: Workers::default(),
            next: 0,
            arrivals: Arrivals::default(),
            service: Mean::new(goal.service_ms),
            launch: Mean::new(goal.launch_ms),
            failures: 0,
            not_before: 0,
        }
    }

    /// Invocations that wait.
    pub fn depth(&self) -> u64 {
        self.depth
    }

    /// Invocations that workers hold.
    pub fn leased(&self) -> u64 {
        self.leased
    }

    /// When the first of those that wait should have ended, in Unix milliseconds.
    pub fn earliest(&self) -> Option<u64> {
        self.waiting.keys().next().map(|by| by * SECOND)
    }

    /// The workers by what they do.
    pub fn workers(&self) -> Workers {
        self.counts
    }

    /// What one invocation takes, as measured, in milliseconds.
    pub fn service_ms(&self) -> u64 {
        self.service.get()
    }

    /// An invocation began to wait. Gives by when it should have ended.
    pub fn arrived(&mut self, deadline: Option<u64>, now: u64) -> u64 {
        let by = deadline.unwrap_or(now.saturating_add(self.goal.target_ms));
        self.arrivals.add(now);
        self.put(by);
        by
    }

    /// A waiting invocation is no longer wanted.
    pub fn withdrawn(&mut self, by: u64) {
        self.pick(by);
    }

    fn put(&mut self, by: u64) {
        *self.waiting.entry(by / SECOND).or_default() += 1;
        self.depth += 1;
    }

    /// Whether such an invocation waited.
    fn pick(&mut self, by: u64) -> bool {
        let by = by / SECOND;
        let Some(count) = self.waiting.get_mut(&by) else {
            return false;
        };
        *count -= 1;
        if *count == 0 {
            self.waiting.remove(&by);
        }
        self.depth -= 1;
        true
    }

    /// A worker took an invocation that should have ended by a time. Whether that was so: the
    /// worker is ready, and such an invocation waited.
    pub fn taken(&mut self, worker: WorkerId, by: u64) -> bool {
        let is_ready = !matches!(self.workers.get(&worker), None | Some(Worker::Pending(_)));
        if !is_ready || !self.pick(by) {
            return false;
        }
        self.leased += 1;
        match self.workers.get_mut(&worker) {
            Some(Worker::Busy(held)) => held.push(by),
            _ => {
                self.set(worker, Some(Worker::Busy(vec![by])));
            }
        }
        true
    }

    /// A worker ended an invocation, in so many milliseconds.
    pub fn ended(&mut self, worker: WorkerId, by: u64, took_ms: u64, now: u64) {
        if self.give_up(worker, by, now) {
            self.service.add(took_ms);
        }
    }

    /// A worker gave an invocation back, which waits again.
    pub fn returned(&mut self, worker: WorkerId, by: u64, now: u64) {
        if self.give_up(worker, by, now) {
            self.put(by);
        }
    }

    fn give_up(&mut self, worker: WorkerId, by: u64, now: u64) -> bool {
        let Some(Worker::Busy(held)) = self.workers.get_mut(&worker) else {
            return false;
        };
        let Some(n) = held.iter().position(|held| *held == by) else {
            return false;
        };
        held.swap_remove(n);
        self.leased -= 1;
        if held.is_empty() {
            self.set(worker, Some(Worker::Idle(now)));
        }
        true
    }

    /// A worker that was launched can work.
    pub fn ready(&mut self, worker: WorkerId, now: u64) {
        if let Some(Worker::Pending(since)) = self.workers.get(&worker) {
            self.launch.add(now.saturating_sub(*since));
            self.failures = 0;
            self.set(worker, Some(Worker::Idle(now)));
        }
    }

    /// A worker is no more. What it held waits again; where it was never ready, the next launch
    /// waits longer each time.
    pub fn gone(&mut self, worker: WorkerId, now: u64) {
        match self.set(worker, None) {
            None | Some(Worker::Idle(_)) => {}
            Some(Worker::Pending(_)) => {
                self.failures = self.failures.saturating_add(1);
                let pause = SECOND << self.failures.min(limits::PAUSES);
                self.not_before = now.saturating_add(pause);
            }
            Some(Worker::Busy(held)) => {
                self.leased -= held.len() as u64;
                held.into_iter().for_each(|by| self.put(by));
            }
        }
    }

    /// How many workers there should be now. Those to be launched are counted from this moment
    /// on, and those to be stopped, which have nothing to do or are not even ready and no longer
    /// needed, no more.
    ///
    /// An opportunistic queue launches no more than `spare` workers: what would find room now.
    pub fn decide(&mut self, now: u64, spare: u64) -> Scaling {
        let mut scaling = self.scaling(now, spare);
        for _ in scaling.from..scaling.to {
            let worker = WorkerId(self.next);
            self.next += 1;
            self.set(worker, Some(Worker::Pending(now)));
            scaling.launch.push(worker);
        }
        if scaling.to < scaling.from {
            scaling.stop = self.unneeded(now, scaling.from - scaling.to);
            scaling.to = scaling.from - scaling.stop.len() as u64;
            for worker in &scaling.stop {
                self.set(*worker, None);
            }
        }
        scaling
    }

    /// Workers that have had nothing to do for long enough, and those that are launched for what
    /// does not wait any more.
    fn unneeded(&self, now: u64, most: u64) -> Vec<WorkerId> {
        let pending = self.workers.iter().rev();
        let pending = pending.filter(|(_, worker)| matches!(worker, Worker::Pending(_)));
        let pending = pending.take(self.not_needed() as usize).map(|(id, _)| *id);
        let mut unneeded: Vec<WorkerId> = pending.chain(self.longest_idle(now)).collect();
        unneeded.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        unneeded
    }

    /// How many of those that are not ready yet have nothing to look forward to.
    fn not_needed(&self) -> u64 {
        let needed = self.floor().max(self.useful());
        self.counts
            .pending
            .min(self.counts.all().saturating_sub(needed))
    }

    fn longest_idle(&self, now: u64) -> Vec<WorkerId> {
        let workers = self.workers.iter();
        let idle = workers.filter_map(|(id, worker)| match worker {
            Worker::Idle(since) => Some((*since, *id)),
            Worker::Pending(_) | Worker::Busy(_) => None,
        });
        let long = idle.filter(|(since, _)| now.saturating_sub(*since) >= self.goal.idle_ms);
        let mut long: Vec<(u64, WorkerId)> = long.collect();
        long.sort_unstable();
        long.into_iter().map(|(_, id)| id).collect()
    }

    /// How many there are whatever waits.
    fn floor(&self) -> u64 {
        let warm = self.counts.busy + self.goal.warm;
        warm.max(self.goal.min).min(self.goal.max)
    }

    /// Puts a worker into a state, or takes it away, and keeps count.
    fn set(&mut self, id: WorkerId, worker: Option<Worker>) -> Option<Worker> {
        if let Some(worker) = &worker {
            *self.counts.of(worker) += 1;
        }
        let was = match worker {
            Some(worker) => self.workers.insert(id, worker),
            None => self.workers.remove(&id),
        };
        if let Some(was) = &was {
            *self.counts.of(was) -= 1;
        }
        was
    }
}
