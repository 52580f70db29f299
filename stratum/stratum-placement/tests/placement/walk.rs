//! Any sequence of events: the laws hold after each.

use proptest::prelude::*;
use stratum_placement::{
    Class, Decision, Host, HostId, Patience, Pool, Resources, Standing, TaskId, limits,
};

use crate::support::World;

#[derive(Clone, Debug)]
enum Event {
    Submit(usize, usize, Resources, Option<u64>),
    Finish(usize),
    AddHost(Resources),
    RemoveHost(usize),
    Wait(u64),
}

fn demand() -> impl Strategy<Value = Resources> {
    (1..9u64, 0..9u64, 0..5u64, 0..5u64).prop_map(|(a, b, c, d)| Resources::new(a, b, c, d))
}

fn host() -> impl Strategy<Value = Resources> {
    (4..17u64, 4..17u64, 2..9u64, 2..9u64).prop_map(|(a, b, c, d)| Resources::new(a, b, c, d))
}

fn event() -> impl Strategy<Value = Event> {
    let deadline = prop::option::of(0..10_000u64);
    prop_oneof![
        6 => (0..4usize, 0..4usize, demand(), deadline).prop_map(|(p, c, d, by)| Event::Submit(p, c, d, by)),
        3 => any::<usize>().prop_map(Event::Finish),
        1 => host().prop_map(Event::AddHost),
        1 => any::<usize>().prop_map(Event::RemoveHost),
        3 => (0..3_000u64).prop_map(Event::Wait),
    ]
}

const POOLS: [&str; 4] = ["film", "series", "trailers", "tests"];

/// studio (reserved 12: film 8, series 4), trailers (at most 10), tests.
fn pools() -> Vec<Pool> {
    let cpus = |count| Resources::new(count, 0, 0, 0);
    let studio = Pool {
        reserved: cpus(12),
        ..Pool::named("studio")
    };
    let below = |name: &str, reserved| Pool {
        parent: Some("studio".into()),
        reserved: cpus(reserved),
        ..Pool::named(name)
    };
    let trailers = Pool {
        limit: cpus(10),
        weight: 3,
        ..Pool::named("trailers")
    };
    vec![
        studio,
        below("film", 8),
        below("series", 4),
        trailers,
        Pool::named("tests"),
    ]
}

fn patience() -> Patience {
    Patience {
        critical: 1_000,
        preferred: 2_000,
        normal: 4_000,
        opportunistic: 8_000,
    }
}

struct Walk {
    world: World,
    now: u64,
    removed: Vec<HostId>,
    capacities: Vec<Resources>,
    preempted: std::collections::BTreeMap<TaskId, u32>,
    log: Vec<String>,
}

impl Walk {
    fn new(hosts: &[Resources]) -> Self {
        Self {
            world: World::new(pools(), patience(), hosts),
            now: 0,
            removed: Vec::new(),
            capacities: hosts.to_vec(),
            preempted: Default::default(),
            log: Vec::new(),
        }
    }

    fn step(&mut self, event: &Event) {
        match event {
            Event::Submit(pool, class, demand, by) => {
                let by = by.map(|by| self.now + by);
                let (pool, class) = (POOLS[*pool], Class::ALL[*class]);
                self.world.submit_due(pool, class, *demand, self.now, by);
            }
            Event::Finish(n) => {
                let running: Vec<TaskId> = self.world.running.keys().copied().collect();
                if let Some(task) = running.get(n % running.len().max(1)) {
                    self.world.finish(*task);
                }
            }
            Event::AddHost(capacity) => {
                let name = format!("h{}", self.capacities.len());
                let capacity = *capacity;
                let host = self.world.placer.add_host(Host { name, capacity }).unwrap();
                self.world.hosts.push(host);
                self.capacities.push(capacity);
            }
            Event::RemoveHost(n) => {
                let host = self.world.hosts[n % self.world.hosts.len()];
                let sent_back = self.world.placer.remove_host(host);
                self.world.running.retain(|_, (on, _)| *on != host);
                assert!(sent_back.iter().all(|task| !self.world.runs(*task)));
                self.removed.push(host);
            }
            Event::Wait(ms) => self.now += ms,
        }
        let decisions = self.world.round(self.now);
        self.note(&decisions);
        self.check();
    }

    fn note(&mut self, decisions: &[Decision]) {
        for decision in decisions {
            if let Decision::Preempt(preempt) = decision
                && preempt.cause == stratum_placement::Cause::Class
            {
                let count = self.preempted.entry(preempt.task).or_default();
                *count += 1;
                assert!(*count <= limits::PREEMPTED, "{decision}");
            }
            let sentence = decision.to_string();
            assert!(
                sentence.contains("host h") && sentence.len() > 20,
                "{sentence}"
            );
            self.log.push(sentence);
        }
    }

    fn check(&self) {
        for (n, host) in self.world.hosts.iter().enumerate() {
            let load = self.world.load(*host);
            assert!(load.fits(self.capacities[n]), "host {n} carries {load}");
            if self.removed.contains(host) {
                assert!(load.is_none());
            } else {
                assert_eq!(
                    self.world.placer.free(*host),
                    self.capacities[n].minus(load)
                );
            }
        }
        let (trailers, _) = (self.world.placer.pool("trailers").unwrap(), ());
        assert!(self.world.placer.used(trailers).cpus <= 10);
        self.check_accounts();
        self.check_standings();
    }

    fn check_accounts(&self) {
        let sum = |names: &[&str]| {
            let pools: Vec<_> = names
                .iter()
                .map(|name| self.world.placer.pool(name))
                .collect();
            let running = self
                .world
                .running
                .keys()
                .map(|task| &self.world.tasks[task]);
            running
                .filter(|task| pools.contains(&Some(task.pool)))
                .fold(Resources::default(), |sum, task| sum.plus(task.demand))
        };
        for (pool, of) in [
            ("film", &["film"][..]),
            ("studio", &["film", "series"]),
            ("tests", &["tests"]),
        ] {
            let used = self
                .world
                .placer
                .used(self.world.placer.pool(pool).unwrap());
            assert_eq!(used, sum(of), "{pool}");
        }
    }

    fn check_standings(&self) {
        let mut waiting = 0;
        for task in self.world.tasks.keys() {
            let standing = self.world.placer.explain(*task, self.now).unwrap();
            match (&standing, self.world.runs(*task)) {
                (Standing::Running { .. }, true) => {}
                (Standing::Waiting { ahead, .. }, false) => {
                    waiting += 1;
                    assert!(*ahead < self.world.placer.waiting(), "{standing}");
                }
                (standing, runs) => panic!("{standing}, though runs is {runs}"),
            }
        }
        assert_eq!(waiting, self.world.placer.waiting());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_laws_hold_and_the_same_events_give_the_same_decisions(
        hosts in prop::collection::vec(host(), 1..6),
        events in prop::collection::vec(event(), 1..120),
    ) {
        let (mut first, mut second) = (Walk::new(&hosts), Walk::new(&hosts));
        for event in &events {
            first.step(event);
            second.step(event);
        }
        prop_assert_eq!(first.log, second.log);
    }

    #[test]
    fn a_batch_fills_no_host_beyond_its_capacity(
        hosts in prop::collection::vec(host(), 1..30),
        demands in prop::collection::vec((demand(), 1..12usize), 6..12),
    ) {
        let mut walk = Walk::new(&hosts);
        for (demand, count) in demands {
            for _ in 0..count {
                walk.world.submit("tests", Class::Normal, demand, 0);
            }
        }
        walk.step(&Event::Wait(1));
    }
}
