use std::collections::{HashMap, VecDeque};

use stratum_placement::Resources;

use super::{Act, Scheduler};
use crate::Mix;

/// KEDA's pollingInterval, by default.
const POLL_MS: u64 = 30_000;

/// How a host is chosen among those with room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    LeastAllocated,
    MostAllocated,
    FirstFit,
}

/// A job for each invocation.
pub(super) struct Jobs {
    rule: Rule,
    capacity: Resources,
    free: Vec<Resources>,
    queues: Vec<Counts>,
    /// Launched, and not on a host yet; in the order of launch.
    unplaced: VecDeque<(u64, usize)>,
    placed: HashMap<u64, Job>,
    has_changed: bool,
    next: u64,
}

#[derive(Clone, Copy)]
struct Job {
    host: usize,
    queue: usize,
    has_taken: bool,
}

struct Counts {
    demand: Resources,
    waiting: u64,
    /// Launched, and nothing taken yet.
    pending: u64,
    running: u64,
    most: u64,
}

impl Jobs {
    pub(super) fn new(mix: &Mix, hosts: usize, rule: Rule) -> Self {
        let cores = hosts as u64 * u64::from(mix.host.shape.cpus);
        let queues = mix.queues.iter().map(|queue| Counts {
            demand: queue.demand(),
            waiting: 0,
            pending: 0,
            running: 0,
            most: cores / u64::from(queue.shape.cpus.max(1)),
        });
        Self {
            rule,
            capacity: mix.host.capacity(),
            free: vec![mix.host.capacity(); hosts],
            queues: queues.collect(),
            unplaced: VecDeque::new(),
            placed: HashMap::new(),
            has_changed: false,
            next: 0,
        }
    }

    /// The strategy `accurate`, as KEDA documents it, but with pending jobs counted at the bound
    /// too, as without that it launches more and more while nothing finds room.
    fn launch(&mut self) {
        for (n, counts) in self.queues.iter_mut().enumerate() {
            let scale = counts.waiting.min(counts.most);
            let room = counts.most.saturating_sub(counts.running);
            let jobs = scale.min(room).saturating_sub(counts.pending);
            counts.pending += jobs;
            for _ in 0..jobs {
                self.unplaced.push_back((self.next, n));
                self.next += 1;
            }
        }
    }

    fn place(&mut self) -> Vec<Act> {
        let (mut acts, mut left) = (Vec::new(), VecDeque::new());
        let mut hopeless: Vec<Resources> = Vec::new();
        for (worker, queue) in std::mem::take(&mut self.unplaced) {
            let demand = self.queues[queue].demand;
            let known = hopeless.iter().any(|known| known.fits(demand));
            let host = if known { None } else { self.choose(demand) };
            let Some(host) = host else {
                if !known {
                    hopeless.push(demand);
                }
                left.push_back((worker, queue));
                continue;
            };
            self.free[host] = self.free[host].minus(demand);
            let job = Job {
                host,
                queue,
                has_taken: false,
            };
            self.placed.insert(worker, job);
            acts.push(Act::Start {
                worker,
                queue,
                host,
            });
        }
        self.unplaced = left;
        acts
    }

    fn choose(&self, demand: Resources) -> Option<usize> {
        let mut fitting = (0..self.free.len()).filter(|host| demand.fits(self.free[*host]));
        let free = |host: &usize| {
            let free = self.free[*host];
            free.cpus * 1_000 / self.capacity.cpus.max(1)
                + free.memory_mb * 1_000 / self.capacity.memory_mb.max(1)
        };
        match self.rule {
            Rule::FirstFit => fitting.next(),
            Rule::MostAllocated => fitting.min_by_key(free),
            Rule::LeastAllocated => fitting.max_by_key(free),
        }
    }
}

impl Scheduler for Jobs {
    fn arrived(&mut self, queue: usize, _deadline: u64, _now: u64) {
        self.queues[queue].waiting += 1;
    }

    fn ready(&mut self, _worker: u64, _now: u64) {}

    fn taken(&mut self, worker: u64, _deadline: u64) {
        if let Some(job) = self.placed.get_mut(&worker) {
            job.has_taken = true;
            let counts = &mut self.queues[job.queue];
            counts.waiting -= 1;
            counts.pending -= 1;
            counts.running += 1;
        }
    }

    fn ended(&mut self, _worker: u64, _deadline: u64, _took: u64, _now: u64) {}

    fn keeps_workers(&self) -> bool {
        false
    }

    fn left(&mut self, worker: u64) {
        if let Some(job) = self.placed.remove(&worker) {
            let counts = &mut self.queues[job.queue];
            self.free[job.host] = self.free[job.host].plus(counts.demand);
            match job.has_taken {
                true => counts.running -= 1,
                false => counts.pending -= 1,
            }
            self.has_changed = true;
        }
    }

    fn decide(&mut self, now: u64) -> Vec<Act> {
        if now.is_multiple_of(POLL_MS) {
            self.launch();
            self.has_changed = true;
        }
        match std::mem::take(&mut self.has_changed) {
            true => self.place(),
            false => Vec::new(),
        }
    }
}
