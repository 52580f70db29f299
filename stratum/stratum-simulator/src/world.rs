//! The simulated cluster: what a policy decides really happens, second by second.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, VecDeque};

use stratum_placement::{Class, Invalid};

use crate::arrivals::Arrivals;
use crate::outcome::Waits;
use crate::policy::{Act, Scheduler};
use crate::{Mix, Outcome, Policy, Sample, limits};

/// How a mix is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Processors of the cluster; as many hosts as that makes, at least one.
    pub cores: u64,
    pub hours: u64,
    pub seed: u64,
}

#[derive(Clone, Copy, Debug)]
struct Invocation {
    arrived: u64,
    deadline: u64,
    service_ms: u64,
    /// When it last began.
    started: Option<u64>,
    ended: Option<u64>,
    queue: u32,
}

#[derive(Clone, Copy, Debug)]
struct Worker {
    queue: usize,
    host: usize,
    /// What it works on.
    works_on: Option<u32>,
    has_worked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Ready(u64),
    Ended(u64),
}

struct World<'a> {
    mix: &'a Mix,
    scheduler: Box<dyn Scheduler>,
    arrivals: Vec<Arrivals>,
    invocations: Vec<Invocation>,
    /// By queue: what waits, the earliest deadline first, and workers that have nothing to do.
    waiting: Vec<BTreeSet<(u64, u32)>>,
    idle: Vec<VecDeque<u64>>,
    workers: HashMap<u64, Worker>,
    events: BinaryHeap<Reverse<(u64, Event)>>,
    on_host: Vec<u32>,
    /// Processors of workers that work, of all workers; and hosts with any worker.
    busy: u64,
    held: u64,
    used_hosts: u64,
    outcome: Outcome,
}

/// Lets the mix arrive at a cluster that is run by `policy`.
///
/// # Errors
/// When the mix's pools cannot be.
pub fn simulate(mix: &Mix, setup: Setup, policy: Policy) -> Result<Outcome, Invalid> {
    let each = u64::from(mix.host.shape.cpus.max(1));
    let hosts = (setup.cores / each).max(1);
    let count = usize::try_from(hosts).unwrap_or(usize::MAX);
    let arrivals = mix.queues.iter().enumerate();
    let arrivals = arrivals
        .map(|(n, queue)| Arrivals::new(queue, n as u64, hosts * each, setup.seed))
        .collect();
    let mut world = World {
        mix,
        scheduler: policy.scheduler(mix, count)?,
        arrivals,
        invocations: Vec::new(),
        waiting: vec![BTreeSet::new(); mix.queues.len()],
        idle: vec![VecDeque::new(); mix.queues.len()],
        workers: HashMap::new(),
        events: BinaryHeap::new(),
        on_host: vec![0; count],
        busy: 0,
        held: 0,
        used_hosts: 0,
        outcome: Outcome {
            policy: policy.to_string(),
            hosts,
            cores: hosts * each,
            hours: setup.hours,
            seed: setup.seed,
            ..Outcome::default()
        },
    };
    for second in 0..setup.hours * 3_600 {
        world.second(second);
    }
    Ok(world.told(setup.hours * 3_600_000))
}

impl World<'_> {
    fn second(&mut self, second: u64) {
        let now = second * 1_000;
        while let Some(Reverse((time, _))) = self.events.peek()
            && *time <= now
        {
            if let Some(Reverse((time, event))) = self.events.pop() {
                self.happens(event, time);
            }
        }
        self.arrive(second, now);
        for act in self.scheduler.decide(now) {
            self.act(act, now);
        }
        self.account(second);
    }

    fn arrive(&mut self, second: u64, now: u64) {
        for n in 0..self.arrivals.len() {
            for service_ms in self.arrivals[n].in_second(second) {
                if self.invocations.len() >= limits::INVOCATIONS {
                    return;
                }
                let deadline = now + self.mix.queues[n].deadline_seconds * 1_000;
                let id = self.invocations.len() as u32;
                self.invocations.push(Invocation {
                    arrived: now,
                    deadline,
                    service_ms,
                    started: None,
                    ended: None,
                    queue: n as u32,
                });
                self.waiting[n].insert((deadline, id));
                self.scheduler.arrived(n, deadline, now);
            }
            self.wake(n, now);
        }
    }

    /// Gives what waits to workers that have nothing to do.
    fn wake(&mut self, queue: usize, now: u64) {
        while !self.waiting[queue].is_empty()
            && let Some(worker) = self.idle[queue].pop_front()
        {
            // One that was stopped meanwhile is only known by its number.
            if self.workers.contains_key(&worker) {
                self.take(worker, queue, now);
            }
        }
    }

    fn happens(&mut self, event: Event, now: u64) {
        match event {
            Event::Ready(worker) if self.workers.contains_key(&worker) => {
                self.scheduler.ready(worker, now);
                self.take_or_leave(worker, now);
            }
            Event::Ended(worker) => self.end(worker, now),
            Event::Ready(_) => {}
        }
    }

    fn end(&mut self, worker: u64, now: u64) {
        let Some(known) = self.workers.get_mut(&worker) else {
            return;
        };
        let Some(id) = known.works_on.take() else {
            return;
        };
        let cpus = u64::from(self.mix.queues[known.queue].shape.cpus);
        self.busy -= cpus;
        let invocation = &mut self.invocations[id as usize];
        invocation.ended = Some(now);
        let took = invocation.service_ms;
        self.outcome.ended += 1;
        self.outcome.busy_core_hours += (took * cpus) as f64 / 3.6e6;
        let deadline = invocation.deadline;
        self.scheduler.ended(worker, deadline, took, now);
        self.take_or_leave(worker, now);
    }

    fn take_or_leave(&mut self, worker: u64, now: u64) {
        let Some(known) = self.workers.get(&worker).copied() else {
            return;
        };
        let stays = self.scheduler.keeps_workers();
        if (stays || !known.has_worked) && self.take(worker, known.queue, now) {
            return;
        }
        match stays {
            true => self.idle[known.queue].push_back(worker),
            false => {
                self.scheduler.left(worker);
                self.remove(worker);
            }
        }
    }

    /// Whether there was anything to take.
    fn take(&mut self, worker: u64, queue: usize, now: u64) -> bool {
        let (Some((deadline, id)), Some(known)) = (
            self.waiting[queue].pop_first(),
            self.workers.get_mut(&worker),
        ) else {
            return false;
        };
        (known.works_on, known.has_worked) = (Some(id), true);
        let invocation = &mut self.invocations[id as usize];
        invocation.started = Some(now);
        let ends = now + invocation.service_ms;
        self.busy += self.cpus(queue);
        self.events.push(Reverse((ends, Event::Ended(worker))));
        self.scheduler.taken(worker, deadline);
        true
    }

    fn start(&mut self, worker: u64, queue: usize, host: usize, now: u64) {
        let known = Worker {
            queue,
            host,
            works_on: None,
            has_worked: false,
        };
        self.workers.insert(worker, known);
        self.held += self.cpus(queue);
        self.used_hosts += u64::from(self.on_host[host] == 0);
        self.on_host[host] += 1;
        self.outcome.launches += 1;
        let ready = now + self.mix.queues[queue].launch_seconds * 1_000;
        self.events.push(Reverse((ready, Event::Ready(worker))));
    }

    fn remove(&mut self, worker: u64) -> Option<Worker> {
        let known = self.workers.remove(&worker)?;
        self.held -= self.cpus(known.queue);
        self.on_host[known.host] -= 1;
        self.used_hosts -= u64::from(self.on_host[known.host] == 0);
        Some(known)
    }

    fn preempt(&mut self, worker: u64, now: u64) {
        let Some(known) = self.remove(worker) else {
            return;
        };
        self.outcome.preemptions += 1;
        let Some(id) = known.works_on else {
            return;
        };
        let cpus = self.cpus(known.queue);
        self.busy -= cpus;
        let invocation = &mut self.invocations[id as usize];
        let ran = invocation.started.take().map_or(0, |started| now - started);
        self.outcome.lost_core_hours += (ran * cpus) as f64 / 3.6e6;
        self.waiting[known.queue].insert((invocation.deadline, id));
    }

    fn cpus(&self, queue: usize) -> u64 {
        self.mix.queues[queue].shape.cpus.into()
    }

    fn act(&mut self, act: Act, now: u64) {
        match act {
            Act::Start {
                worker,
                queue,
                host,
            } => self.start(worker, queue, host, now),
            Act::Stop { worker } => {
                self.remove(worker);
            }
            Act::Preempt { worker } => self.preempt(worker, now),
        }
    }

    fn account(&mut self, second: u64) {
        let outcome = &mut self.outcome;
        outcome.host_hours += self.used_hosts as f64 / 3_600.0;
        outcome.held_core_hours += self.held as f64 / 3_600.0;
        if second.is_multiple_of(limits::SAMPLE_S) {
            let waiting: usize = self.waiting.iter().map(BTreeSet::len).sum();
            outcome.samples.push(Sample {
                hour: second as f64 / 3_600.0,
                busy: self.busy,
                held: self.held,
                used: self.used_hosts * u64::from(self.mix.host.shape.cpus),
                waiting: waiting as u64,
            });
        }
    }

    /// The run, which ended at a time.
    fn told(mut self, end: u64) -> Outcome {
        let mut waits: BTreeMap<Class, Waits> = BTreeMap::new();
        for invocation in &self.invocations {
            let queue = &self.mix.queues[invocation.queue as usize];
            let waits = waits.entry(queue.class.into()).or_default();
            waits.add(invocation.started.unwrap_or(end) - invocation.arrived);
            if invocation.ended.is_some() || invocation.deadline <= end {
                waits.judge(invocation.ended.unwrap_or(u64::MAX) > invocation.deadline);
            }
        }
        let waits = waits.into_iter();
        let classes = waits
            .map(|(class, waits)| (class.to_string(), waits.told()))
            .collect();
        let outcome = &mut self.outcome;
        outcome.classes = classes;
        outcome.arrived = self.invocations.len() as u64;
        let used = outcome.host_hours * f64::from(self.mix.host.shape.cpus);
        let share = outcome.busy_core_hours / used.max(f64::MIN_POSITIVE);
        outcome.utilisation_percent = 100.0 * share;
        outcome.cost = outcome.host_hours * self.mix.host.hourly_cents as f64 / 100.0;
        let busy = outcome.busy_core_hours.max(f64::MIN_POSITIVE);
        outcome.cost_per_core_hour = outcome.cost / busy;
        self.outcome
    }
}
