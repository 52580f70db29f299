//! Many at once on as few hosts as can be.

use std::collections::BTreeSet;

use proptest::prelude::*;
use stratum_placement::{Class, Decision, Resources, lower_bound, volume_bound};

use crate::support::World;

/// How many hosts of this capacity are used for all of `demands`.
fn hosts_used(demands: &[Resources], capacity: Resources) -> u64 {
    let hosts = vec![capacity; demands.len()];
    let pools = vec![stratum_placement::Pool::named("all")];
    let mut world = World::new(pools, Default::default(), &hosts);
    for demand in demands {
        world.submit("all", Class::Normal, *demand, 0);
    }
    let decisions = world.round(0);
    let used: BTreeSet<_> = decisions
        .iter()
        .filter_map(|decision| match decision {
            Decision::Start(start) => Some(start.host),
            _ => None,
        })
        .collect();
    assert_eq!(world.running.len(), demands.len());
    used.len() as u64
}

#[test]
fn what_complements_each_other_fills_hosts_to_the_brim() {
    let host = Resources::new(16, 64_000, 10_000, 500_000);
    let encode = Resources::new(3, 4_000, 200, 10_000);
    let assemble = Resources::new(2, 24_000, 2_000, 100_000);
    let inspect = Resources::new(4, 16_000, 500, 20_000);
    let mut demands = Vec::new();
    for _ in 0..200 {
        demands.extend([encode, encode, encode, encode, assemble, assemble]);
        demands.extend([inspect; 3]);
    }
    let (used, bound) = (hosts_used(&demands, host), lower_bound(&demands, host));
    assert!(used * 100 <= bound * 102, "{used} hosts, bound {bound}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn nobody_needs_fewer_hosts_than_the_bound(
        demands in prop::collection::vec((1..6u64, 1..6u64), 32..80),
    ) {
        let host = Resources::new(8, 8, 0, 0);
        let demands: Vec<_> = demands.into_iter().map(|(a, b)| Resources::new(a, b, 0, 0)).collect();
        let bound = lower_bound(&demands, host);
        prop_assert!(volume_bound(&demands, host) <= bound);
        prop_assert!(hosts_used(&demands, host) >= bound);
    }
}
