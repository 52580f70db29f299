//! Whole runs, small enough to be quick.

#![allow(clippy::unwrap_used)]

use stratum_simulator::{Mix, Outcome, Policy, Setup, simulate};

fn run(mix: &str, policy: Policy, setup: Setup) -> Outcome {
    let shipped = Mix::shipped();
    let (_, yaml) = shipped.iter().find(|(name, _)| *name == mix).unwrap();
    simulate(&Mix::from_yaml(yaml).unwrap(), setup, policy).unwrap()
}

const SMALL: Setup = Setup {
    cores: 128,
    hours: 6,
    seed: 1,
};

#[test]
fn the_same_seed_gives_the_same_run_and_another_one_another() {
    let told = |seed| {
        format!(
            "{:?}",
            run("studio", Policy::Stratum, Setup { seed, ..SMALL })
        )
    };
    assert_eq!(told(7), told(7));
    assert_ne!(told(7), told(8));
}

#[test]
fn every_policy_sees_the_same_and_nothing_is_lost_or_made_up() {
    for mix in ["studio", "burst", "overload"] {
        let outcomes = Policy::ALL.map(|policy| run(mix, policy, SMALL));
        for outcome in &outcomes {
            assert_eq!(outcome.arrived, outcomes[0].arrived, "{mix}");
            let all: u64 = outcome.classes.values().map(|class| class.arrived).sum();
            assert_eq!(all, outcome.arrived, "{mix}");
            assert!(outcome.ended <= outcome.arrived);
            let most = outcome.hosts as f64 * outcome.hours as f64;
            assert!(
                outcome.host_hours <= most * 1.001,
                "{mix} {}",
                outcome.policy
            );
            assert!(outcome.busy_core_hours <= outcome.held_core_hours * 1.01);
            for sample in &outcome.samples {
                assert!(sample.busy <= sample.held && sample.held <= sample.used);
                assert!(sample.used <= outcome.cores);
            }
        }
    }
}

#[test]
fn urgent_work_does_not_wait_behind_an_overload() {
    let ours = run("overload", Policy::Stratum, Setup { hours: 24, ..SMALL });
    let jobs = run(
        "overload",
        Policy::JobsFirstFit,
        Setup { hours: 24, ..SMALL },
    );
    let late = |outcome: &Outcome| outcome.classes["critical"].late_percent;
    assert!(late(&ours) < 5.0, "{}", late(&ours));
    assert!(
        late(&ours) < late(&jobs),
        "{} and {}",
        late(&ours),
        late(&jobs)
    );
}
