//! What is told in the end: medians over the runs, and ratios of them.

use std::collections::BTreeMap;

use bench::disk::Fsync;
use bench::machine::Machine;
use bench::rules;
use bench::stats::median;
use serde::Serialize;

use crate::measure::{Plan, Run};
use crate::peers::Peer;

#[derive(Serialize)]
pub struct Report {
    pub machine: Machine,
    pub settings: Settings,
    /// Of the disk that every engine writes to; measured first.
    pub fsync: Fsync,
    pub ours: Ours,
    pub peers: Peers,
    pub skipped: Vec<Skipped>,
    pub ratios: Ratios,
}

/// Our engine: graphs, and rules.
#[derive(Serialize)]
pub struct Ours {
    #[serde(flatten)]
    pub steps: Measured,
    pub rules: rules::Ours,
}

/// What others measured: engines of steps, and one of rules.
#[derive(Serialize)]
pub struct Peers {
    #[serde(flatten)]
    pub steps: BTreeMap<Peer, Measured>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clips: Option<rules::Peer>,
}

#[derive(Serialize)]
pub struct Settings {
    pub runs: usize,
    #[serde(flatten)]
    pub plan: Plan,
    pub rules: rules::Settings,
}

/// A peer that was not measured to the end.
#[derive(Serialize)]
pub struct Skipped {
    pub peer: String,
    pub why: String,
}

/// Medians over the runs, and the runs themselves.
#[derive(Serialize)]
pub struct Measured {
    pub version: String,
    #[serde(flatten)]
    pub medians: Run,
    pub runs: Vec<Run>,
}

impl Measured {
    /// `None` when there was no run.
    pub fn of(runs: &[Run]) -> Option<Self> {
        let first = runs.first()?;
        let of = |figure: fn(&Run) -> f64| median(runs.iter().map(figure)).unwrap_or(f64::NAN);
        let some = |figure: fn(&Run) -> Option<f64>| median(runs.iter().filter_map(figure));
        Some(Self {
            version: first.version.clone(),
            medians: Run {
                version: first.version.clone(),
                steps_per_s: of(|run| run.steps_per_s),
                server_cpu_us_per_step: of(|run| run.server_cpu_us_per_step),
                worker_cpu_us_per_step: of(|run| run.worker_cpu_us_per_step),
                step_p50_ms: of(|run| run.step_p50_ms),
                step_p99_ms: of(|run| run.step_p99_ms),
                fan_out_ms: some(|run| run.fan_out_ms),
                fan_out_cpu_us_per_element: some(|run| run.fan_out_cpu_us_per_element),
            },
            runs: runs.to_vec(),
        })
    }
}

/// Ours over theirs: of rates more is better, of times less is. The fan-out is told as a
/// speed, theirs over ours. A ratio to a peer that was not measured is null.
#[derive(Debug, PartialEq, Serialize)]
pub struct Ratios {
    pub steps_per_s_vs_restate: Option<f64>,
    pub step_p50_vs_restate: Option<f64>,
    pub fanout_1000_vs_restate: Option<f64>,
    /// Of server and worker together.
    pub cpu_per_step_vs_restate: Option<f64>,
    pub steps_per_s_vs_dbos: Option<f64>,
    pub step_p50_vs_dbos: Option<f64>,
    /// Of the matcher alone, as CLIPS keeps nothing on disk.
    pub rules_vs_clips: Option<f64>,
}

impl Ratios {
    pub fn of(
        ours: &Measured,
        peers: &BTreeMap<Peer, Measured>,
        rules_vs_clips: Option<f64>,
    ) -> Self {
        let over = |peer, figure: fn(&Run) -> Option<f64>| {
            let theirs: &Measured = peers.get(&peer)?;
            let ratio = figure(&ours.medians)? / figure(&theirs.medians)?;
            ratio.is_finite().then_some(ratio)
        };
        Self {
            steps_per_s_vs_restate: over(Peer::Restate, |run| Some(run.steps_per_s)),
            step_p50_vs_restate: over(Peer::Restate, |run| Some(run.step_p50_ms)),
            fanout_1000_vs_restate: over(Peer::Restate, |run| Some(1.0 / run.fan_out_ms?)),
            cpu_per_step_vs_restate: over(Peer::Restate, |run| Some(cpu(run))),
            steps_per_s_vs_dbos: over(Peer::Dbos, |run| Some(run.steps_per_s)),
            step_p50_vs_dbos: over(Peer::Dbos, |run| Some(run.step_p50_ms)),
            rules_vs_clips,
        }
    }
}

fn cpu(run: &Run) -> f64 {
    run.server_cpu_us_per_step + run.worker_cpu_us_per_step
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(steps_per_s: f64, ms: f64, fan_out_ms: Option<f64>) -> Run {
        Run {
            version: "1".into(),
            steps_per_s,
            server_cpu_us_per_step: ms * 10.0,
            worker_cpu_us_per_step: ms * 5.0,
            step_p50_ms: ms,
            step_p99_ms: ms,
            fan_out_ms,
            fan_out_cpu_us_per_element: None,
        }
    }

    #[test]
    fn ratios_are_of_medians_and_of_those_that_were_measured() {
        let ours = Measured::of(&[
            run(300.0, 2.0, Some(10.0)),
            run(500.0, 1.0, Some(30.0)),
            run(400.0, 3.0, Some(20.0)),
        ]);
        let theirs = Measured::of(&[run(100.0, 4.0, Some(100.0))]).unwrap();
        let ratios = Ratios::of(&ours.unwrap(), &[(Peer::Restate, theirs)].into(), Some(0.5));
        let expected = Ratios {
            steps_per_s_vs_restate: Some(4.0),
            step_p50_vs_restate: Some(0.5),
            fanout_1000_vs_restate: Some(5.0),
            cpu_per_step_vs_restate: Some(0.5),
            steps_per_s_vs_dbos: None,
            step_p50_vs_dbos: None,
            rules_vs_clips: Some(0.5),
        };
        assert_eq!(ratios, expected);
    }
}
