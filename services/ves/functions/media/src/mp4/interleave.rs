//! In which order the samples of several tracks lie in the file: about half a second of each in
//! turn, by decoding time.

use std::ops::Range;

use crate::mp4::Track;

/// Consecutive samples of one track that lie together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Index of the track.
    pub(crate) track: usize,
    /// Indices of its samples.
    pub(crate) samples: Range<usize>,
}

/// Microseconds of one run.
const RUN: u64 = 500_000;
/// The most samples of one run.
const RUN_SAMPLES: usize = 1_000;

/// Every sample of every track, once, in its track's order.
pub(crate) fn interleave(tracks: &[Track]) -> Vec<Run> {
    let mut runs: Vec<(u64, Run)> = Vec::new();
    for (index, track) in tracks.iter().enumerate() {
        runs.extend(runs_of(index, track));
    }
    runs.sort_by_key(|(slot, run)| (*slot, run.track));
    runs.into_iter().map(|(_, run)| run).collect()
}

fn runs_of(index: usize, track: &Track) -> Vec<(u64, Run)> {
    let mut runs: Vec<(u64, Run)> = Vec::new();
    let mut time = 0u64;
    for (sample, delta) in track.samples.deltas.iter().enumerate() {
        let slot = slot(time, track.timescale);
        match runs.last_mut() {
            Some((last, run)) if *last == slot && run.samples.len() < RUN_SAMPLES => {
                run.samples.end = sample + 1;
            }
            _ => runs.push((
                slot,
                Run {
                    track: index,
                    samples: sample..sample + 1,
                },
            )),
        }
        time += u64::from(*delta);
    }
    runs
}

fn slot(time: u64, timescale: u32) -> u64 {
    let micros = u128::from(time) * 1_000_000 / u128::from(timescale.max(1));
    (micros / u128::from(RUN)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mp4::{Edit, Kind, Samples};

    fn track(timescale: u32, deltas: Vec<u32>) -> Track {
        Track {
            kind: Kind::Audio,
            timescale,
            language: "und".into(),
            enabled: true,
            alternate_group: 0,
            description: vec![],
            samples: Samples {
                sizes: vec![1; deltas.len()],
                deltas,
                ..Samples::default()
            },
            edit: Edit {
                delay: 0,
                media_time: 0,
                duration: 0,
            },
        }
    }

    #[test]
    fn half_seconds_in_turn_and_every_sample_once() {
        let runs = interleave(&[
            track(4, vec![1; 5]),
            track(1000, vec![250; 6]),
            track(1, vec![]),
        ]);
        let told: Vec<_> = runs
            .into_iter()
            .map(|run| (run.track, run.samples))
            .collect();
        assert_eq!(
            told,
            [
                (0, 0..2),
                (1, 0..2),
                (0, 2..4),
                (1, 2..4),
                (0, 4..5),
                (1, 4..6)
            ]
        );
    }

    #[test]
    fn a_run_is_bounded_though_no_time_passes() {
        let runs = interleave(&[track(1, vec![0; 2_500])]);
        assert_eq!(runs.len(), 3);
    }
}
