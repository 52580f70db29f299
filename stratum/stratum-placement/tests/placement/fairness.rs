//! Pools: what is reserved is had, what is idle is lent, what is lent comes back.

use proptest::prelude::*;
use stratum_placement::{Cause, Class, Decision, Patience, Pool, Resources};

use crate::support::{World, cpus, pool};

const POOLS: [&str; 3] = ["a", "b", "c"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// With tasks of one processor nothing is lost to fragments, so that the promise is exact.
    #[test]
    fn reserves_are_honoured_and_nothing_is_idle_while_something_waits(
        reserved in prop::array::uniform3(0..12u64),
        hosts in prop::collection::vec(8..20u64, 5..8),
        events in prop::collection::vec((0..3usize, 0..4usize, 0..6u64, any::<bool>()), 1..60),
    ) {
        let pools = POOLS.iter().zip(reserved).map(|(name, cpus)| pool(name, cpus, 1)).collect();
        let capacity: u64 = hosts.iter().sum();
        let hosts: Vec<Resources> = hosts.into_iter().map(cpus).collect();
        let mut world = World::new(pools, Patience::default(), &hosts);
        for (n, (of, class, count, ends)) in events.into_iter().enumerate() {
            let now = n as u64 * 1_000;
            for _ in 0..count {
                world.submit(POOLS[of], Class::ALL[class], cpus(1), now);
            }
            if let (true, Some(task)) = (ends, world.running.keys().next().copied()) {
                world.finish(task);
            }
            world.round(now);
            for (name, reserved) in POOLS.iter().zip(reserved) {
                let (running, all) = world.of_pool(name);
                prop_assert!(running >= all.min(reserved), "{name}: {running} of {all}, {reserved} reserved");
            }
            prop_assert_eq!(world.running.len() as u64, capacity.min(world.tasks.len() as u64));
        }
    }
}

#[test]
fn what_is_idle_is_lent_and_comes_back_with_the_least_harm() {
    let pools = vec![pool("studio", 8, 1), pool("tests", 0, 1)];
    let mut world = World::new(pools, Patience::default(), &[cpus(8), cpus(8)]);
    let old: Vec<_> = (0..8)
        .map(|_| world.submit("tests", Class::Critical, cpus(1), 0))
        .collect();
    world.round(0);
    let young: Vec<_> = (0..8)
        .map(|_| world.submit("tests", Class::Critical, cpus(1), 1_000))
        .collect();
    world.round(60_000);
    assert_eq!(world.running.len(), 16, "what nobody uses is lent");

    let own = world.submit("studio", Class::Opportunistic, cpus(2), 90_000);
    let decisions = world.round(90_000);
    assert!(world.runs(own), "{decisions:?}");
    assert!(old.iter().all(|task| world.runs(*task)), "{decisions:?}");
    assert_eq!(young.iter().filter(|task| !world.runs(**task)).count(), 2);
    let causes = decisions.iter().filter_map(|decision| match decision {
        Decision::Preempt(preempt) => Some((preempt.cause, preempt.lost_ms)),
        _ => None,
    });
    assert_eq!(causes.collect::<Vec<_>>(), [(Cause::Reserve, 30_000); 2]);

    world.finish(own);
    world.round(100_000);
    assert_eq!(world.running.len(), 16, "they run again");
}

#[test]
fn a_higher_class_takes_the_place_of_the_lowest_in_its_pool_and_of_borrowers_only() {
    let pools = vec![pool("a", 4, 1), pool("b", 0, 1)];
    let mut world = World::new(pools, Patience::default(), &[cpus(8)]);
    let safe: Vec<_> = (0..4)
        .map(|_| world.submit("a", Class::Opportunistic, cpus(1), 0))
        .collect();
    let low = world.submit("b", Class::Opportunistic, cpus(2), 0);
    let usual = world.submit("b", Class::Normal, cpus(2), 0);
    world.round(0);
    let urgent = world.submit("b", Class::Critical, cpus(2), 10);
    world.round(10);
    assert!(world.runs(urgent) && world.runs(usual) && !world.runs(low));
    assert!(safe.iter().all(|task| world.runs(*task)));
    let next = world.submit("b", Class::Critical, cpus(4), 20);
    world.round(20);
    assert!(
        !world.runs(next),
        "what is reserved for another pool is not taken"
    );
    assert!(world.runs(usual), "nobody gives way for nothing");
}

#[test]
fn a_subtree_lends_within_itself_before_others_may_take_it() {
    let below = |name: &str, reserved| Pool {
        parent: Some("studio".into()),
        ..pool(name, reserved, 1)
    };
    let pools = vec![
        pool("studio", 8, 1),
        below("film", 4),
        below("series", 4),
        pool("tests", 0, 1),
    ];
    let mut world = World::new(pools, Patience::default(), &[cpus(8)]);
    let film: Vec<_> = (0..8)
        .map(|_| world.submit("film", Class::Normal, cpus(1), 0))
        .collect();
    world.round(0);
    let outside = world.submit("tests", Class::Critical, cpus(1), 10);
    world.round(10);
    assert!(!world.runs(outside), "the studio is within its reserve");
    let series = world.submit("series", Class::Normal, cpus(1), 20);
    world.round(20);
    assert!(world.runs(series), "its sibling gives back");
    assert_eq!(film.iter().filter(|task| world.runs(**task)).count(), 7);
}

#[test]
fn weights_divide_what_nobody_has_reserved() {
    let pools = vec![pool("a", 0, 3), pool("b", 0, 1)];
    let mut world = World::new(pools, Patience::default(), &[cpus(20), cpus(20)]);
    for _ in 0..100 {
        world.submit("a", Class::Normal, cpus(1), 0);
        world.submit("b", Class::Normal, cpus(1), 0);
    }
    world.round(0);
    assert_eq!(world.of_pool("a").0, 30);
    assert_eq!(world.of_pool("b").0, 10);
}

#[test]
fn pools_that_promise_too_much_or_make_no_tree_are_refused() {
    let refused = |pools: Vec<Pool>| {
        let placer = stratum_placement::Placer::new(pools, Patience::default());
        placer.unwrap_err().to_string()
    };
    let below = |parent: &str| Pool {
        parent: Some(parent.into()),
        ..pool("b", 5, 1)
    };
    for (pools, says) in [
        (vec![], "0 pools"),
        (vec![pool("a", 0, 0)], "weight"),
        (vec![pool("a", 0, 1), pool("a", 0, 1)], "taken"),
        (vec![pool("a", 4, 1), below("a")], "reserve more"),
        (vec![below("a"), pool("a", 8, 1)], "before it"),
    ] {
        let error = refused(pools);
        assert!(error.contains(says), "{error}");
    }
}
