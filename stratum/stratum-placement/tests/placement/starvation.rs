//! An adversary that always has something more urgent, or smaller, cannot keep a task waiting.

use proptest::prelude::*;
use stratum_placement::{Class, Decision, Patience, Pool, TaskId};

use crate::support::{World, cpus};

const SECOND: u64 = 1_000;

/// Small critical tasks with the nearest deadlines are always waiting; each runs for `ran`
/// seconds. When have the large ones started for good, if they have by `until`?
struct Siege {
    hosts: Vec<u64>,
    ran: u64,
    always: usize,
    until: u64,
}

impl Siege {
    fn started(&self, patience: Patience, large: &[(Class, u64)]) -> Vec<Option<u64>> {
        let hosts: Vec<_> = self.hosts.iter().map(|count| cpus(*count)).collect();
        let mut world = World::new(vec![Pool::named("all")], patience, &hosts);
        self.besiege(&mut world, 0);
        world.round(0);
        let large: Vec<TaskId> = large
            .iter()
            .map(|(class, size)| world.submit("all", *class, cpus(*size), 0))
            .collect();
        let mut started = vec![None; large.len()];
        for second in 0..self.until {
            let now = second * SECOND;
            world.finish_after(self.ran * SECOND, now);
            self.besiege(&mut world, now);
            for decision in world.round(now) {
                let Decision::Start(start) = decision else {
                    continue;
                };
                if let Some(n) = large.iter().position(|task| *task == start.task) {
                    // The last one counts: it may have been preempted before.
                    started[n] = Some(second);
                }
            }
        }
        started
    }

    fn besiege(&self, world: &mut World, now: u64) {
        let all: u64 = self.hosts.iter().sum();
        let wanted = self.always + usize::try_from(all).unwrap();
        while world.tasks.len() < wanted {
            world.submit_due("all", Class::Critical, cpus(1), now, Some(now));
        }
    }
}

fn patience(seconds: u64) -> Patience {
    Patience {
        critical: seconds * SECOND,
        preferred: 2 * seconds * SECOND,
        normal: 3 * seconds * SECOND,
        opportunistic: 4 * seconds * SECOND,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The bound: its class's patience, then for each task that waited before it and for itself
    /// the longest that a host takes to become free.
    #[test]
    fn every_task_starts_in_bounded_time(
        hosts in prop::collection::vec(2..9u64, 1..4),
        ran in 1..20u64,
        always in 1..8usize,
        classes in prop::collection::vec(0..4usize, 1..4),
        seconds in 2..20u64,
    ) {
        let largest = *hosts.iter().max().unwrap();
        let large: Vec<_> = classes.iter().map(|class| (Class::ALL[*class], largest)).collect();
        let turns = (large.len() + always) as u64 + 1;
        let until = 4 * seconds + turns * (ran + 2) + 2;
        let siege = Siege { hosts, ran, always, until };
        let started = siege.started(patience(seconds), &large);
        for ((class, _), started) in large.iter().zip(started) {
            let bound = patience(seconds).of(*class) / SECOND + turns * (ran + 2);
            prop_assert!(started.is_some_and(|started| started <= bound), "{class}: {started:?}, bound {bound}");
        }
    }
}

#[test]
fn without_patience_the_same_adversary_starves_them() {
    let siege = Siege {
        hosts: vec![4, 4],
        ran: 5,
        always: 4,
        until: 600,
    };
    let large = [(Class::Opportunistic, 4), (Class::Critical, 4)];
    assert_eq!(siege.started(patience(1_000_000), &large), [None, None]);
    let started = siege.started(patience(10), &large);
    assert!(started.iter().all(Option::is_some), "{started:?}");
}
