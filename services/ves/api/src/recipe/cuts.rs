//! The best places to cut: a shortest path over possible cuts.
//!
//! Every chunk costs something to start; frames that are decoded only to reach its first one are
//! decoded for nothing; a chunk that is longer than half of what is left keeps one worker busy
//! when the others have nothing to do any more. The path of least cost is found by walking the
//! possible cuts once, in order.
//!
//! SVT-AV1 1.4.1 codes 16 frames together, and chunks of 1 + 16·k frames leave no group broken. Yet
//! cuts at random access points serve it better: of a trailer of 1,253 frames of 1280x720 at preset
//! 8, chunks as below took 54 seconds of processor time and 2.47 MB, chunks of 1 + 16·k frames 57
//! seconds and 2.51 MB, and decoding 407 frames in vain beside. The whole took 49 to 54 seconds
//! and 2.55 MB. What costs is a second key frame in a chunk: 10 per cent, which `av1.rs` avoids.

use std::collections::BTreeMap;

/// What cutting costs, in fortieths of the time that one frame takes to encode.
const FRAME: u64 = 40;
/// Decoding takes a fifteenth of encoding by x264 at medium, a third at ultrafast.
const PREROLL: u64 = FRAME / 4;
/// What beginning a chunk costs, as a part of the target: a process, and an intra frame.
const BEGIN: u64 = 16;
/// A frame beyond a fair share of what is left.
const EXCESS: u64 = FRAME / 4;

/// Cuts `frames` frames into chunks of about `target`; `access` are the indices at which decoding
/// can start, ascending. Lengths are from a quarter of the target to five quarters.
pub(super) fn cuts(frames: u64, target: u64, access: &[u64]) -> Vec<u64> {
    let costs = Costs {
        frames,
        target,
        access,
    };
    let mut best = BTreeMap::from([(0, Reached { cost: 0, from: 0 })]);
    let places = places(&costs);
    for (at, cut) in places.iter().enumerate() {
        let Some(here) = best.get(cut).map(|reached| reached.cost) else {
            continue;
        };
        for next in costs.reachable(*cut, &places[at + 1..]) {
            let cost = here + costs.chunk(*cut, next);
            let reached = Reached { cost, from: *cut };
            let before = best.entry(next).or_insert(reached);
            if cost < before.cost {
                *before = reached;
            }
        }
    }
    path(&best, frames)
}

#[derive(Clone, Copy)]
struct Reached {
    cost: u64,
    from: u64,
}

/// The cuts that lead to the end.
fn path(best: &BTreeMap<u64, Reached>, frames: u64) -> Vec<u64> {
    let mut cuts = vec![frames];
    let mut at = frames;
    while at > 0 {
        // Every reached place has one before it; 0 if there were none.
        at = best.get(&at).map_or(0, |reached| reached.from);
        cuts.push(at);
    }
    cuts.reverse();
    cuts
}

/// Where it may be cut, ascending: a grid, and where decoding can start, of which near ones are
/// as good as one another.
fn places(costs: &Costs<'_>) -> Vec<u64> {
    let step = (costs.target / 16).max(1);
    let grid = (0..costs.frames).step_by(usize::try_from(step).unwrap_or(1));
    let mut places: Vec<u64> = grid.collect();
    let mut last = 0;
    for point in costs.access.iter().filter(|point| **point < costs.frames) {
        if *point >= last + step.div_ceil(2) {
            places.push(*point);
            last = *point;
        }
    }
    places.push(costs.frames);
    places.sort_unstable();
    places.dedup();
    places
}

struct Costs<'a> {
    frames: u64,
    target: u64,
    access: &'a [u64],
}

impl Costs<'_> {
    fn shortest(&self) -> u64 {
        (self.target / 4).max(1)
    }

    fn longest(&self) -> u64 {
        self.target + self.target / 4
    }

    /// The places after `cut` at which a chunk may end, leaving no runt.
    fn reachable(&self, cut: u64, places: &[u64]) -> impl Iterator<Item = u64> {
        let (shortest, longest, frames) = (self.shortest(), self.longest(), self.frames);
        let near = places.iter().copied();
        near.take_while(move |next| next - cut <= longest)
            .filter(move |next| next - cut >= shortest || *next == frames)
            .filter(move |next| frames - next >= shortest || *next == frames)
    }

    /// What a chunk of these frames costs beyond their own encoding.
    fn chunk(&self, start: u64, end: u64) -> u64 {
        let length = end - start;
        let share = ((self.frames - start) / 2).max(self.target / 2);
        let begin = FRAME * (self.target / BEGIN).max(1);
        let square = length.abs_diff(self.target).pow(2) / self.target;
        let uneven = square * if length > self.target { 4 * FRAME } else { 1 };
        begin + PREROLL * self.preroll(start) + EXCESS * length.saturating_sub(share) + uneven
    }

    /// Frames decoded only to reach `start`.
    fn preroll(&self, start: u64) -> u64 {
        let before = self.access.partition_point(|point| *point <= start);
        let from = before.checked_sub(1).map_or(0, |last| self.access[last]);
        start - from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_lie_where_decoding_can_start_if_that_is_near() {
        // The random access points of a trailer that x264 encoded with its defaults.
        let access = [0, 224, 334, 584, 621, 658, 772, 1022, 1140];
        let cuts = cuts(1253, 240, &access);
        let prerolled = cuts[..cuts.len() - 1]
            .iter()
            .filter(|cut| !access.contains(cut));
        assert_eq!(prerolled.count(), 0, "{cuts:?}");
    }

    #[test]
    fn the_last_chunks_are_shorter() {
        let lengths = |frames, target| {
            let access: Vec<u64> = (0..frames).step_by(250).collect();
            let cuts = cuts(frames, target, &access);
            cuts.windows(2).map(|w| w[1] - w[0]).collect::<Vec<_>>()
        };
        let lengths = lengths(2400, 240);
        let last = lengths[lengths.len() - 1];
        assert!((60..=150).contains(&last), "{lengths:?}");
        assert!(lengths.len() <= 12, "{lengths:?}");
    }

    #[test]
    fn a_film_of_intra_frames_is_cut_evenly_and_soon() {
        let access: Vec<u64> = (0..200_000).collect();
        let cuts = cuts(200_000, 240, &access);
        let lengths = cuts.windows(2).map(|w| w[1] - w[0]);
        let odd = lengths.filter(|length| !(225..=255).contains(length));
        assert!(odd.count() <= 3);
    }
}
