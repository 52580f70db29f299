//! Whatever was measured: what is proposed can be read, and each sample gets a size in which it
//! ended well, with room to spare.

use std::ops::Range;

use proptest::prelude::*;
use stratum_calibration::{
    Cell, End, Measured, Proposal, Run, Sample, Terms, cells, doubts, propose,
};

use crate::support::{attributes, function, grid, machine, run, size};

fn some_attributes() -> impl Strategy<Value = String> {
    let height = prop::sample::select(vec![
        "",
        "height=480",
        "height=1080",
        "height=-1",
        "height=x",
    ]);
    let codec = prop::sample::select(vec![
        "",
        "codec=avc",
        "codec=true",
        "codec=7",
        "codec=\"'\\",
    ]);
    let odd = prop::sample::select(vec!["", "in=1", "a-b=2", "deep=false"]);
    (height, codec, odd).prop_map(|(height, codec, odd)| format!("{height} {codec} {odd}"))
}

fn some_end() -> impl Strategy<Value = End> {
    prop_oneof![6 => Just(End::Done), 1 => Just(End::Outgrew), 1 => Just(End::Failed)]
}

fn some_runs(samples: usize) -> impl Strategy<Value = Vec<Run>> {
    let at = (
        0..samples,
        1..3u32,
        prop::sample::select(vec![500u64, 1_000, 2_000]),
    );
    let used = (
        some_end(),
        0..10_000u64,
        0..2_500u64,
        prop::option::of(0..20_000u64),
    );
    let one = (at, used).prop_map(
        |((sample, cpus, memory_mb), (end, wall, peak, others_ms))| Run {
            others_ms,
            ..run(sample, size(cpus, memory_mb), end, wall, peak)
        },
    );
    prop::collection::vec(one, 0..60)
}

fn some_measured() -> impl Strategy<Value = Measured> {
    measured_of(1..7)
}

fn measured_of(samples: Range<usize>) -> impl Strategy<Value = Measured> {
    let samples = prop::collection::vec((some_attributes(), any::<bool>()), samples);
    samples.prop_flat_map(|samples| {
        let runs = some_runs(samples.len());
        runs.prop_map(move |runs| {
            let samples = samples
                .iter()
                .enumerate()
                .map(|(n, (text, decoded))| Sample {
                    name: n.to_string(),
                    attributes: attributes(text),
                    decoded: *decoded,
                    ..Sample::default()
                });
            let samples: Vec<Sample> = samples.collect();
            let mut measured = machine(&samples, grid(&[1, 2], &[500, 1_000, 2_000]));
            measured.runs = runs;
            measured
        })
    })
}

/// The cells of a sample with as many processors as its shape has.
fn beside(measured: &Measured, sample: usize, cpus: u32) -> Vec<Cell> {
    let mut cells = cells(measured);
    cells.retain(|cell| cell.sample == sample && cell.size.cpus == cpus);
    cells
}

fn holds(measured: &Measured, proposal: &Proposal) {
    let function = function(proposal);
    for (n, sample) in measured.samples.iter().enumerate() {
        let shape = function.routing.choose(&sample.attributes).unwrap();
        assert_eq!(shape.group, proposal.chosen[n]);
        let cells = beside(measured, n, shape.cpus);
        let own = cells
            .iter()
            .find(|cell| cell.size.memory_mb == shape.memory_mb);
        assert!(own.unwrap().figures.is_some(), "it never ended well there");
        let outgrew = cells.iter().filter(|cell| cell.outgrew > 0);
        assert!(
            outgrew
                .clone()
                .all(|cell| cell.size.memory_mb < shape.memory_mb)
        );
        let most = cells
            .iter()
            .filter_map(|cell| Some(cell.figures?.memory.most));
        let decoder = if sample.decoded {
            shape.decoder_memory()
        } else {
            0
        };
        let room = shape.memory() - decoder;
        assert!(most.max().unwrap() / 100 * 125 <= room);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn each_sample_gets_a_size_that_does(measured in some_measured()) {
        match propose(&measured, Terms::default()) {
            Ok(proposal) => holds(&measured, &proposal),
            Err(refused) => prop_assert!(!refused.is_empty()),
        }
    }

    #[test]
    fn the_order_of_runs_is_no_matter(measured in some_measured()) {
        let mut backwards = measured.clone();
        backwards.runs.reverse();
        prop_assert_eq!(
            propose(&measured, Terms::default()),
            propose(&backwards, Terms::default())
        );
        prop_assert_eq!(doubts(&measured), doubts(&backwards));
    }

    #[test]
    fn more_memory_in_any_run_never_chooses_less(
        measured in measured_of(1..2), which in any::<prop::sample::Index>()
    ) {
        prop_assume!(!measured.runs.is_empty());
        let mut more = measured.clone();
        let run = which.index(more.runs.len());
        more.runs[run].usage.peak_memory_bytes += 300_000_000;
        // Of one number of processors, or time may be worth more than memory.
        let one = |measured: &mut Measured| measured.runs.retain(|run| run.size.cpus == 1);
        let mut less = measured;
        one(&mut less);
        one(&mut more);
        let largest = |measured: &Measured| {
            let proposal = propose(measured, Terms::default()).ok()?;
            let chosen = proposal.shapes.iter().find(|s| s.group == proposal.chosen[0]);
            chosen.map(|shape| shape.memory_mb)
        };
        if let Some(now) = largest(&more) {
            prop_assert!(largest(&less).is_some_and(|before| before <= now));
        }
    }
}
