//! Measurements of functions that do not exist.

use std::collections::BTreeMap;

use stratum::{Function, Shape, Usage};
use stratum_calibration::{End, Measured, Proposal, Run, Sample, Size, Terms, propose};

pub(crate) fn attributes(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split_whitespace();
    let pairs = pairs.filter_map(|word| word.split_once('='));
    pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

/// Named by its attributes.
pub(crate) fn sample(text: &str) -> Sample {
    Sample {
        name: text.to_owned(),
        attributes: attributes(text),
        input_bytes: 1_000,
        ..Sample::default()
    }
}

pub(crate) fn size(cpus: u32, memory_mb: u64) -> Size {
    Size { cpus, memory_mb }
}

pub(crate) fn grid(cpus: &[u32], memory: &[u64]) -> Vec<Size> {
    let of = |cpus: &u32| memory.iter().map(|mb| size(*cpus, *mb)).collect::<Vec<_>>();
    cpus.iter().flat_map(of).collect()
}

/// A machine of 8 processors on which nothing was run yet.
pub(crate) fn machine(samples: &[Sample], sizes: Vec<Size>) -> Measured {
    Measured {
        machine_cpus: 8,
        samples: samples.to_vec(),
        sizes,
        runs: vec![],
    }
}

pub(crate) fn run(sample: usize, size: Size, end: End, wall_ms: u64, peak_mb: u64) -> Run {
    Run {
        sample,
        size,
        end,
        usage: Usage {
            cpu_ms: wall_ms,
            decode_cpu_ms: 0,
            wall_ms,
            peak_memory_bytes: peak_mb * 1_000_000,
        },
        others_ms: Some(0),
    }
}

/// Three runs of every sample in every size, by a model of the function: it gets the sample and
/// processors, and says milliseconds and megabytes; it outgrows what is smaller than those.
pub(crate) fn modelled(measured: &mut Measured, model: impl Fn(usize, u32) -> (u64, u64)) {
    for sample in 0..measured.samples.len() {
        for size in measured.sizes.clone() {
            let (wall_ms, peak_mb) = model(sample, size.cpus);
            let end = match peak_mb > size.memory_mb {
                true => End::Outgrew,
                false => End::Done,
            };
            let runs = [run(sample, size, end, wall_ms, peak_mb); 3];
            measured.runs.extend(runs);
        }
    }
}

pub(crate) fn proposed(measured: &Measured) -> Proposal {
    propose(measured, Terms::default()).unwrap()
}

/// The proposal in a `function.yaml`, read as the platform reads it.
pub(crate) fn function(proposal: &Proposal) -> Function {
    let yaml = proposal.yaml(&["a remark\nof two lines".into()]);
    let yaml = format!("name: a\nversion: '1'\ncommand: [a]\n{yaml}");
    Function::from_yaml(&yaml).unwrap_or_else(|error| panic!("{error}: {yaml}"))
}

/// The shape that the proposal, read by the platform, gives to these attributes.
pub(crate) fn routed(proposal: &Proposal, attributes: &BTreeMap<String, String>) -> Shape {
    let function = function(proposal);
    function.routing.choose(attributes).unwrap().clone()
}
