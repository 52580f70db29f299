//! Workers are neither too few for long nor ever too many.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use stratum_placement::{Goal, Scaler, WorkerId};

fn goal() -> Goal {
    Goal {
        min: 0,
        max: 100,
        warm: 0,
        target_ms: 60_000,
        idle_ms: 30_000,
        batch: 1,
        opportunistic: false,
        service_ms: 12_000,
        launch_ms: 1,
    }
}

/// A queue and workers that do what the scaler says, as slowly and as badly as events say.
struct World {
    scaler: Scaler,
    goal: Goal,
    now: u64,
    waiting: VecDeque<u64>,
    pending: Vec<WorkerId>,
    /// What each ready worker holds.
    ready: BTreeMap<WorkerId, Vec<u64>>,
    launched: u64,
    arrived: u64,
    lost: u64,
}

#[derive(Clone, Debug)]
enum Event {
    Arrive(u64, Option<u64>),
    Ready(usize),
    Take(usize),
    End(usize),
    Return(usize),
    Lose(usize),
    Withdraw,
    Wait(u64),
    /// The decision is asked for several times in a row, as a poller would.
    Decide(u8),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (1..30u64, prop::option::of(0..600_000u64)).prop_map(|(n, by)| Event::Arrive(n, by)),
        any::<usize>().prop_map(Event::Ready),
        any::<usize>().prop_map(Event::Take),
        any::<usize>().prop_map(Event::End),
        any::<usize>().prop_map(Event::Return),
        any::<usize>().prop_map(Event::Lose),
        Just(Event::Withdraw),
        (0..60_000u64).prop_map(Event::Wait),
        (1..5u8).prop_map(Event::Decide),
    ]
}

impl World {
    fn new(goal: Goal) -> Self {
        Self {
            scaler: Scaler::new(goal),
            goal,
            now: 1_000_000,
            waiting: VecDeque::new(),
            pending: Vec::new(),
            ready: BTreeMap::new(),
            launched: 0,
            arrived: 0,
            lost: 0,
        }
    }

    fn holder(&self, n: usize, holds: bool) -> Option<WorkerId> {
        let workers = self
            .ready
            .iter()
            .filter(|(_, held)| held.is_empty() != holds);
        let workers: Vec<WorkerId> = workers.map(|(id, _)| *id).collect();
        workers.get(n % workers.len().max(1)).copied()
    }

    fn arrive(&mut self, count: u64, deadline: Option<u64>) {
        for _ in 0..count {
            let deadline = deadline.map(|by| self.now + by);
            self.waiting
                .push_back(self.scaler.arrived(deadline, self.now));
            self.arrived += 1;
        }
    }

    fn step(&mut self, event: &Event) {
        match event {
            Event::Arrive(count, deadline) => self.arrive(*count, *deadline),
            Event::Ready(n) if !self.pending.is_empty() => {
                let worker = self.pending.swap_remove(n % self.pending.len());
                self.scaler.ready(worker, self.now);
                self.ready.insert(worker, Vec::new());
            }
            Event::Take(n) => self.take(*n),
            Event::End(n) => self.give_up(*n, true),
            Event::Return(n) => self.give_up(*n, false),
            Event::Lose(n) => self.lose(*n),
            Event::Withdraw => {
                if let Some(by) = self.waiting.pop_front() {
                    self.scaler.withdrawn(by);
                }
            }
            Event::Wait(ms) => self.now += ms,
            Event::Decide(times) => (0..*times).for_each(|_| self.decide()),
            Event::Ready(_) => {}
        }
        self.check();
    }

    fn take(&mut self, n: usize) {
        let Some(worker) = self.holder(n, false) else {
            return;
        };
        if let Some(by) = self.waiting.pop_front() {
            assert!(self.scaler.taken(worker, by));
            self.ready.get_mut(&worker).unwrap().push(by);
        }
    }

    fn give_up(&mut self, n: usize, is_done: bool) {
        let Some(worker) = self.holder(n, true) else {
            return;
        };
        let by = self.ready.get_mut(&worker).unwrap().pop().unwrap();
        match is_done {
            true => self.scaler.ended(worker, by, 12_000, self.now),
            false => {
                self.scaler.returned(worker, by, self.now);
                self.waiting.push_back(by);
            }
        }
    }

    fn lose(&mut self, n: usize) {
        let all: Vec<WorkerId> = self
            .pending
            .iter()
            .chain(self.ready.keys())
            .copied()
            .collect();
        let Some(worker) = all.get(n % all.len().max(1)).copied() else {
            return;
        };
        self.pending.retain(|id| *id != worker);
        self.waiting
            .extend(self.ready.remove(&worker).unwrap_or_default());
        self.scaler.gone(worker, self.now);
        self.lost += 1;
    }

    fn decide(&mut self) {
        let before = self.scaler.workers();
        let useful = before.busy + self.scaler.depth().div_ceil(self.goal.batch);
        let scaling = self.scaler.decide(self.now, u64::MAX);
        let after = self.scaler.workers().all();
        self.launched += scaling.launch.len() as u64;
        let floor = self.goal.min.max(before.busy + self.goal.warm);
        if !scaling.launch.is_empty() {
            assert!(after <= useful.max(floor), "{scaling}: {useful} find work");
            assert!(after <= self.goal.max, "{scaling}");
        }
        assert_eq!(scaling.to, after, "{scaling}");
        for worker in &scaling.stop {
            let was_pending = self.pending.contains(worker);
            self.pending.retain(|pending| pending != worker);
            let held = self.ready.remove(worker);
            assert!(was_pending || held == Some(Vec::new()), "{scaling}");
        }
        self.pending.extend(scaling.launch);
    }

    fn check(&self) {
        let held: usize = self.ready.values().map(Vec::len).sum();
        assert_eq!(self.scaler.depth(), self.waiting.len() as u64);
        assert_eq!(self.scaler.leased(), held as u64);
        let workers = self.scaler.workers();
        assert_eq!(workers.pending, self.pending.len() as u64);
        assert_eq!(workers.busy + workers.idle, self.ready.len() as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn however_slowly_workers_become_ready_no_more_are_launched_than_find_work(
        events in prop::collection::vec(event(), 1..200),
        min in 0..3u64, warm in 0..3u64, batch in 1..5u64,
    ) {
        let mut world = World::new(Goal { min, warm, batch, ..goal() });
        events.iter().for_each(|event| world.step(event));
    }

    /// The bug of scalers that sample depth and workers apart: pending ones are launched again.
    #[test]
    fn a_backlog_with_pending_workers_is_launched_for_once(
        count in 1..60u64, polls in 1..50u8,
    ) {
        let mut world = World::new(goal());
        world.arrive(count, Some(0));
        for _ in 0..polls {
            world.step(&Event::Decide(1));
            world.now += 10_000;
        }
        prop_assert_eq!(world.launched, count);
    }
}

#[test]
fn a_decision_is_a_sentence() {
    let mut world = World::new(goal());
    world.arrive(41, None);
    let told = world.scaler.decide(world.now, 0).to_string();
    assert_eq!(told, "0 → 9: depth 41, 12 s each, target 60 s");
    let told = world.scaler.decide(world.now, 0).to_string();
    assert_eq!(told, "stays 9: depth 41; enough for it");
}

#[test]
fn deadlines_decide_how_many_are_needed() {
    for (deadline, expected) in [(600_000, 1), (60_000, 8), (12_000, 40), (0, 40)] {
        let mut world = World::new(goal());
        world.arrive(40, Some(deadline));
        let to = world.scaler.decide(world.now, 0).to;
        assert!(to.abs_diff(expected) <= 1, "{deadline}: {to}");
    }
}

#[test]
fn an_idle_queue_scales_to_zero_and_a_warm_one_stays_ready() {
    for (min, warm, left) in [(0, 0, 0), (2, 0, 2), (0, 3, 3)] {
        let mut world = World::new(Goal {
            min,
            warm,
            ..goal()
        });
        world.arrive(40, None);
        world.decide();
        while !world.pending.is_empty() {
            world.step(&Event::Ready(0));
        }
        while !world.waiting.is_empty() {
            world.step(&Event::Take(0));
            world.step(&Event::End(0));
        }
        world.decide();
        assert!(
            world.scaler.workers().all() >= 8,
            "nothing is stopped at once"
        );
        world.now += 200_000;
        world.decide();
        assert_eq!(world.scaler.workers().all(), left);
    }
}

#[test]
fn what_is_not_ready_yet_is_called_off_when_nothing_waits_any_more() {
    let mut world = World::new(goal());
    world.arrive(41, None);
    world.decide();
    while let Some(by) = world.waiting.pop_front() {
        world.scaler.withdrawn(by);
    }
    world.now += 120_000;
    let told = world.scaler.decide(world.now, 0);
    assert_eq!(told.stop.len(), 9);
    let sentence = "9 → 0: depth 0; what more were launched for is done";
    assert_eq!(told.to_string(), sentence);
}

#[test]
fn short_ones_share_a_worker_and_launches_that_fail_are_spaced() {
    let mut world = World::new(Goal { batch: 8, ..goal() });
    world.arrive(40, Some(0));
    world.decide();
    assert_eq!(world.launched, 5);
    for n in 1..6u32 {
        for _ in 0..world.pending.len() {
            world.step(&Event::Lose(0));
        }
        let launched = world.launched;
        world.decide();
        assert_eq!(world.launched, launched, "try {n} waits");
        world.now += 600_000;
        world.decide();
        assert!(world.launched > launched);
    }
}

#[test]
fn an_opportunistic_queue_takes_what_is_spare() {
    let mut world = World::new(Goal {
        opportunistic: true,
        ..goal()
    });
    world.arrive(40, Some(0));
    let scaling = world.scaler.decide(world.now, 3);
    assert_eq!((scaling.to, scaling.launch.len()), (3, 3));
    assert_eq!(
        scaling.to_string(),
        "0 → 3: depth 40; no room for more beside others"
    );
}
