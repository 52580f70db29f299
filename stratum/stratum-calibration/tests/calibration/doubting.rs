//! What is not worth believing.

use stratum::Usage;
use stratum_calibration::{End, Measured, Run, cells, doubts};

use crate::support::{grid, machine, run, sample, size};

/// Runs in one processor and 500 MB.
fn runs(walls: &[u64]) -> Measured {
    let mut measured = machine(&[sample("a=1")], grid(&[1], &[500]));
    let done = walls
        .iter()
        .map(|wall| run(0, size(1, 500), End::Done, *wall, 100));
    measured.runs = done.collect();
    measured
}

fn told(measured: &Measured) -> Vec<(&'static str, String)> {
    let doubts = doubts(measured);
    let told = doubts
        .iter()
        .map(|doubt| (doubt.why.code(), doubt.to_string()));
    told.collect()
}

fn codes(measured: &Measured) -> Vec<&'static str> {
    told(measured).into_iter().map(|(code, _)| code).collect()
}

#[test]
fn even_runs_of_a_quiet_machine_are_believed() {
    assert!(doubts(&runs(&[1_000, 1_010, 1_100])).is_empty());
    // Starting takes some milliseconds more or less, however short the rest is.
    assert!(doubts(&runs(&[220, 240, 260])).is_empty());
}

#[test]
fn each_doubt_has_a_name_and_says_where() {
    for (walls, code, says) in [
        (&[1_000, 1_000][..], "TOO_FEW_RUNS", "2 runs, of at least 3"),
        (
            &[1_000, 1_000, 1_250],
            "UNEVEN_RUNS",
            "25 % of the median apart",
        ),
        (&[100, 101, 102], "SHORT_RUNS", "101 ms are too short"),
    ] {
        let told = told(&runs(walls));
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].0, code);
        let expected = format!("a=1 in cpu1-500mb: {says}");
        assert!(
            told[0].1.starts_with("a=1 in cpu1-500mb: ") && told[0].1.contains(says),
            "{expected}: {told:?}"
        );
    }
}

#[test]
fn runs_beside_other_programs_do_not_count() {
    let mut measured = runs(&[1_000; 5]);
    // Of 8 processors, a tenth is 800 ms in a second.
    for run in &mut measured.runs[..2] {
        run.others_ms = Some(900);
    }
    for run in &mut measured.runs[2..] {
        run.others_ms = Some(800);
    }
    assert!(doubts(&measured).is_empty());
    assert_eq!(
        (cells(&measured)[0].calm, cells(&measured)[0].disturbed),
        (3, 2)
    );
    measured.runs[2].others_ms = Some(900);
    assert_eq!(codes(&measured), ["BUSY_MACHINE"]);
    assert!(told(&measured)[0].1.ends_with("in 3 of 5 runs"));
    // Where nobody can say, nobody is suspected.
    measured
        .runs
        .iter_mut()
        .for_each(|run| run.others_ms = None);
    assert!(doubts(&measured).is_empty());
}

#[test]
fn figures_are_of_undisturbed_runs_but_for_memory() {
    let mut measured = runs(&[1_000, 1_000, 1_000, 5_000]);
    measured.runs[3].others_ms = Some(30_000);
    measured.runs[3].usage.peak_memory_bytes = 400_000_000;
    let figures = cells(&measured)[0].figures.unwrap();
    assert_eq!(figures.wall_ms.most, 1_000);
    assert_eq!(figures.memory.most, 400_000_000);
}

#[test]
fn more_processors_than_a_size_has_are_noticed() {
    let mut measured = runs(&[1_000; 3]);
    let with = |cpu_ms, decode_cpu_ms| {
        move |run: &mut Run| {
            run.usage = Usage {
                cpu_ms,
                decode_cpu_ms,
                ..run.usage
            }
        }
    };
    measured.runs.iter_mut().for_each(with(1_000, 250));
    assert!(doubts(&measured).is_empty());
    measured.runs.iter_mut().for_each(with(1_000, 260));
    assert_eq!(codes(&measured), ["BEYOND_ITS_PROCESSORS"]);
    measured.sizes = grid(&[2], &[500]);
    measured
        .runs
        .iter_mut()
        .for_each(|run| run.size = size(2, 500));
    assert!(doubts(&measured).is_empty());
}

#[test]
fn what_outgrew_its_size_needs_no_second_run() {
    let mut measured = runs(&[]);
    measured.runs = vec![run(0, size(1, 500), End::Outgrew, 10, 600)];
    assert!(doubts(&measured).is_empty());
    measured.runs = vec![run(0, size(1, 500), End::Failed, 10, 60)];
    assert_eq!(codes(&measured), ["FAILED_RUNS", "TOO_FEW_RUNS"]);
}
