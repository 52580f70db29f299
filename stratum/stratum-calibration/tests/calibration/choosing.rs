//! Which size a sample gets.

use std::collections::BTreeMap;

use stratum_calibration::{End, Measured, Refused, Terms, propose};

use crate::support::{grid, machine, modelled, proposed, routed, run, sample, size};

fn chosen(measured: &Measured) -> Vec<String> {
    proposed(measured).chosen
}

/// One sample whose function takes `peak_mb`, and its time divided among processors so far.
fn one(cpus: &[u32], memory: &[u64], peak_mb: u64, wall_ms: impl Fn(u32) -> u64) -> Measured {
    let mut measured = machine(&[sample("")], grid(cpus, memory));
    modelled(&mut measured, |_, cpus| (wall_ms(cpus), peak_mb));
    measured
}

#[test]
fn the_smallest_memory_with_headroom_is_enough() {
    for (peak_mb, expected) in [
        (300, "cpu1-500mb"),
        (400, "cpu1-500mb"),
        // A quarter more does not fit any more.
        (401, "cpu1-1000mb"),
        (800, "cpu1-1000mb"),
        (801, "cpu1-2000mb"),
    ] {
        let measured = one(&[1], &[500, 1_000, 2_000], peak_mb, |_| 1_000);
        assert_eq!(chosen(&measured), [expected], "{peak_mb}");
    }
}

#[test]
fn processors_are_added_as_long_as_they_cost_little_more() {
    for (walls, expected) in [
        // Of twice as many, half the time is for nothing; a tenth more is little.
        ([8_000, 4_000, 2_000], "cpu4-500mb"),
        ([8_000, 4_400, 2_300], "cpu4-500mb"),
        ([8_000, 4_400, 3_000], "cpu2-500mb"),
        ([8_000, 7_000, 6_500], "cpu1-500mb"),
        // A program that has one thread gains nothing at all.
        ([8_000, 8_000, 8_000], "cpu1-500mb"),
    ] {
        let wall = |cpus: u32| walls[cpus.ilog2() as usize];
        let measured = one(&[1, 2, 4], &[500], 100, wall);
        assert_eq!(chosen(&measured), [expected], "{walls:?}");
    }
}

#[test]
fn terms_can_be_others() {
    let measured = one(&[1, 2], &[500, 1_000], 450, |cpus| {
        8_000 / (u64::from(cpus) + 1)
    });
    let chosen = |headroom_percent, faster_percent| {
        let terms = Terms {
            headroom_percent,
            faster_percent,
        };
        propose(&measured, terms).unwrap().chosen
    };
    assert_eq!(chosen(25, 20), ["cpu1-1000mb"]);
    assert_eq!(chosen(10, 20), ["cpu1-500mb"]);
    assert_eq!(chosen(10, 50), ["cpu2-500mb"]);
}

#[test]
fn a_decoder_has_its_share_of_the_memory() {
    let mut decoded = sample("");
    decoded.decoded = true;
    let mut measured = machine(&[decoded], grid(&[1], &[500, 1_000, 2_000]));
    // Of 500 MB the function has 250, of 1,000 it has 744.
    modelled(&mut measured, |_, _| (1_000, 400));
    assert_eq!(chosen(&measured), ["cpu1-1000mb"]);
}

#[test]
fn what_was_outgrown_once_is_too_small() {
    let mut measured = one(&[1], &[500, 1_000, 2_000], 100, |_| 1_000);
    measured
        .runs
        .push(run(0, size(1, 1_000), End::Outgrew, 10, 100));
    assert_eq!(chosen(&measured), ["cpu1-2000mb"]);
}

#[test]
fn what_fits_nowhere_is_told_with_what_it_needs() {
    let mut measured = machine(&[sample("a=1"), sample("a=2")], grid(&[1], &[500]));
    modelled(&mut measured, |sample, _| (1_000, [450, 600][sample]));
    let refused = propose(&measured, Terms::default()).unwrap_err();
    let told: Vec<String> = refused.iter().map(Refused::to_string).collect();
    assert_eq!(
        told,
        [
            "a=1: its function should have 563 MB of memory, more than any size gives it",
            "a=2: it ended well in no size"
        ]
    );
    let nothing = propose(&Measured::default(), Terms::default());
    assert_eq!(nothing.unwrap_err(), [Refused::Nothing]);
}

#[test]
fn what_outgrows_its_shape_has_somewhere_to_go() {
    // Of two processors, nothing larger comes with the platform.
    let measured = one(&[2], &[500, 1_000, 2_000], 100, |_| 1_000);
    let proposal = proposed(&measured);
    let groups: Vec<&str> = proposal.shapes.iter().map(|s| &*s.group).collect();
    assert_eq!(groups, ["cpu2-500mb", "cpu2-1000mb"]);
    // Of one, there are the shipped ones.
    let measured = one(&[1], &[500, 1_000], 100, |_| 1_000);
    assert_eq!(proposed(&measured).shapes.len(), 1);
}

#[test]
fn what_is_not_measured_is_kept() {
    let (mut small, mut large) = (sample("a=1"), sample("a=2"));
    (small.network_mbps, small.disk_mb) = (100, 300);
    (large.network_mbps, large.disk_mb) = (50, 400);
    let mut measured = machine(&[small, large], grid(&[1], &[500]));
    modelled(&mut measured, |_, _| (1_000, 100));
    let shape = routed(&proposed(&measured), &BTreeMap::new());
    assert_eq!((shape.network_mbps, shape.disk_mb), (100, 400));
    measured.samples[0].disk_mb = 0;
    let proposal = proposed(&measured);
    assert_eq!(proposal.shapes[0].disk_mb, 0, "no bound is more than any");
}
