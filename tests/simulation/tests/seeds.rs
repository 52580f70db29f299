//! A part of the seeds, and the proof that a broken promise would be found.
#![allow(clippy::panic)]

use simulation::{DECLARED, Mistake, Transition, run, soak};

/// Seeds of one part.
const SEEDS: u64 = 120;
/// Seeds within which every planted mistake is found.
const FOUND_WITHIN: u64 = 60;

/// Rare transitions may take more seeds; all together are never more than five parts.
#[test]
fn every_promise_is_kept_and_every_transition_occurs() {
    let mut missing: Option<Vec<Transition>> = None;
    for part in 0..5 {
        let summary = soak(part * SEEDS..(part + 1) * SEEDS);
        for line in &summary.transitions {
            println!("{line:?}");
        }
        let (broken, undeclared) = (&summary.broken, &summary.undeclared);
        assert!(summary.holds(), "{broken:#?} {undeclared:?}");
        let mut left = missing.unwrap_or_else(|| DECLARED.to_vec());
        left.retain(|transition| summary.missing.contains(transition));
        if left.is_empty() {
            return;
        }
        missing = Some(left);
    }
    assert_eq!(missing, None, "never occurred");
}

#[test]
fn the_same_seed_is_the_same_log() {
    for seed in 0..10 {
        let (once, again) = (run(seed, None), run(seed, None));
        let (a, b) = (
            String::from_utf8_lossy(&once.log),
            String::from_utf8_lossy(&again.log),
        );
        let differs = a.lines().zip(b.lines()).find(|(a, b)| a != b);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(once, again, "seed {seed}");
    }
}

/// The first seed that finds the mistake says so, and without it keeps every promise.
fn found(mistake: Mistake, says: &str) {
    let mut broken = (0..FOUND_WITHIN).map(|seed| (seed, run(seed, Some(mistake)).broken));
    let found = broken.find(|(_, why)| why.as_ref().is_some_and(|why| why.contains(says)));
    let (seed, _) = found.unwrap_or_else(|| panic!("{mistake:?} was not found"));
    assert_eq!(run(seed, None).broken, None, "seed {seed}");
}

#[test]
fn a_lost_acknowledgement_is_found() {
    found(Mistake::LostAck, "a commit is lost");
}

#[test]
fn a_success_that_is_recorded_twice_is_found() {
    found(Mistake::DoubleSuccess, "recorded twice");
}

#[test]
fn a_reduce_that_is_early_is_found() {
    found(Mistake::EarlyReduce, "started too early");
}

#[test]
fn a_write_of_a_stale_owner_is_found() {
    // It shows in other ways too: work that is lost, messages that nobody takes.
    found(Mistake::StaleOwnerWrite, "state went backwards");
}
