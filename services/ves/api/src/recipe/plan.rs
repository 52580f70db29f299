//! Where to cut: a pure function of the number of frames, the target and the source's random
//! access points.

use video::FrameRate;

use crate::recipe::{Alignment, Chunking, Target};

/// The most chunks of one video.
pub const MAX_CHUNKS: u64 = 100_000;

/// The shortest target, in frames, that leaves room to move a cut.
const LEAST_MOVABLE: u64 = 8;

/// Boundaries of consecutive chunks that cover all frames: n + 1 ascending indices for n chunks,
/// the first 0, the last the number of frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkPlan(Vec<u64>);

impl ChunkPlan {
    /// From boundaries; refused unless they start at 0 and ascend.
    pub fn new(boundaries: Vec<u64>) -> Option<Self> {
        let ascends = boundaries.windows(2).all(|pair| pair[0] < pair[1]);
        (boundaries.len() > 1 && boundaries[0] == 0 && ascends).then_some(Self(boundaries))
    }

    /// The boundaries.
    pub fn boundaries(&self) -> &[u64] {
        &self.0
    }

    /// How many chunks.
    pub fn count(&self) -> usize {
        self.0.len() - 1
    }

    /// How many frames.
    pub fn frames(&self) -> u64 {
        self.0.last().copied().unwrap_or_default()
    }

    /// Each chunk, as a half-open range of frame indices.
    pub fn chunks(&self) -> impl ExactSizeIterator<Item = std::ops::Range<u64>> {
        self.0.windows(2).map(|pair| pair[0]..pair[1])
    }
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("the source has no frames")]
    NoFrames,
    #[error("chunks of {target} frames would be {chunks}, more than {MAX_CHUNKS}")]
    TooMany { target: u64, chunks: u64 },
}

impl Target {
    /// The length in frames, at least 1.
    pub fn frames(self, rate: FrameRate) -> u64 {
        let frames = match self {
            Self::Frames(length) => u64::from(length),
            Self::Milliseconds(length) => i64::try_from(length)
                .ok()
                .and_then(|ms| rate.frames_in_ms(ms))
                .map_or(u64::MAX, i64::unsigned_abs),
        };
        frames.max(1)
    }
}

/// Cuts `frames` frames.
///
/// `random_access` are the indices, ascending, of frames at which decoding can start; cuts move
/// to them when the directives allow it. `group`, if any, is how many frames the encoder codes
/// together behind the first: where cuts may move, chunks but the last are of whole groups. No
/// chunk is shorter than a quarter of the target, but for a source that is itself and the last of
/// whole groups.
pub fn plan(
    frames: u64,
    rate: FrameRate,
    chunking: Chunking,
    group: Option<u64>,
    random_access: &[u64],
) -> Result<ChunkPlan, PlanError> {
    if frames == 0 {
        return Err(PlanError::NoFrames);
    }
    let target = chunking.target.frames(rate);
    let chunks = frames.div_ceil(target);
    if chunks > MAX_CHUNKS {
        return Err(PlanError::TooMany { target, chunks });
    }
    Ok(ChunkPlan(match (chunking.alignment, group) {
        (Alignment::Source, Some(group)) if target > group => {
            in_groups(frames, target, group, random_access)
        }
        (Alignment::Source, None) if target >= LEAST_MOVABLE => near(frames, target, random_access),
        (Alignment::Source | Alignment::Fixed, _) => grid(frames, target),
    }))
}

/// Multiples of `target`; a runt at the end joins its neighbour.
fn grid(frames: u64, target: u64) -> Vec<u64> {
    let runt = target.div_ceil(4);
    let mut boundaries: Vec<u64> = (0..frames.div_ceil(target)).map(|i| i * target).collect();
    if boundaries.len() > 1 && (1..runt).contains(&(frames % target)) {
        boundaries.pop();
    }
    boundaries.push(frames);
    boundaries
}

/// Equal lengths up to `target`, the last ones shorter so that workers end together, and each cut
/// moved to the nearest random access point within an eighth of the target: farther moves would
/// leave workers idle for longer than the spared decoding takes.
fn near(frames: u64, target: u64, random_access: &[u64]) -> Vec<u64> {
    let even = even_cuts(frames, target);
    let (runt, reach) = ((target / 4).max(1), target / 8);
    let mut boundaries = vec![0];
    for cut in even.windows(3) {
        let (previous, wanted) = (boundaries[boundaries.len() - 1], cut[1]);
        let floor = (previous + runt).max(wanted.saturating_sub(reach));
        let ceiling = (wanted + reach).min(cut[2].saturating_sub(runt));
        boundaries.push(nearest(wanted, floor, ceiling, random_access).unwrap_or(wanted));
    }
    boundaries.push(frames);
    boundaries
}

/// As [`near`], with chunks of one frame and whole groups; a cut moves to a random access point
/// only where that keeps them whole.
///
/// Measured with SVT-AV1 1.4.1, preset 8, on 1,253 frames of 1280x720, in processor seconds: as a
/// whole 49.3; in chunks of 241 = 1 + 15·16 frames with a key frame each 51.2, of 161 frames 54.0,
/// of 241 frames with the encoder's own key frames 56.3. So chunks are long and have one key frame.
/// Decoding up to a cut that is no random access point costs less than a second for each chunk.
fn in_groups(frames: u64, target: u64, group: u64, random_access: &[u64]) -> Vec<u64> {
    let whole = |length: u64| 1 + group * ((length.saturating_sub(1) + group / 2) / group).max(1);
    let target = whole(target);
    let (even, reach, runt) = (even_cuts(frames, target), target / 8, (target / 4).max(1));
    let mut boundaries = vec![0];
    for cut in even.windows(2).map(|pair| pair[1]) {
        let previous = boundaries[boundaries.len() - 1];
        let wanted = previous + whole(cut.saturating_sub(previous));
        let floor = (previous + 1 + group).max(wanted.saturating_sub(reach));
        let ceiling = (wanted + reach).min(previous + target);
        let from = random_access.partition_point(|point| *point < floor);
        let points = random_access[from..].iter().copied();
        let near = points
            .take_while(|point| *point <= ceiling)
            .filter(|point| (point - previous - 1).is_multiple_of(group))
            .min_by_key(|point| point.abs_diff(wanted));
        let cut = near.unwrap_or(wanted);
        if cut + runt > frames {
            break;
        }
        boundaries.push(cut);
    }
    boundaries.push(frames);
    boundaries
}

/// Boundaries in quarters of a chunk: the last chunk has two, the one before it three, the others
/// four. Of two chunks, both have the same.
fn even_cuts(frames: u64, target: u64) -> Vec<u64> {
    let quarters = (4 * u128::from(frames)).div_ceil(u128::from(target));
    let chunks = match quarters {
        0..=4 => 1,
        5..=8 => 2,
        _ => (quarters + 3).div_ceil(4) as u64,
    };
    let ends = (1..=chunks).map(|i| match chunks - i {
        _ if chunks <= 2 => 4 * i,
        0 => 4 * chunks - 3,
        1 => 4 * chunks - 5,
        _ => 4 * i,
    });
    let whole = if chunks <= 2 {
        4 * chunks
    } else {
        4 * chunks - 3
    };
    let cut = |end| (u128::from(frames) * u128::from(end) / u128::from(whole)) as u64;
    [0].into_iter().chain(ends.map(cut)).collect()
}

/// The element of `points` within `floor..=ceiling` nearest to `wanted`; the lower of two.
fn nearest(wanted: u64, floor: u64, ceiling: u64, points: &[u64]) -> Option<u64> {
    let at = points.partition_point(|point| *point < wanted);
    let candidates = [at.checked_sub(1), Some(at)];
    candidates
        .into_iter()
        .flatten()
        .filter_map(|i| points.get(i).copied())
        .filter(|point| (floor..=ceiling).contains(point))
        .min_by_key(|point| point.abs_diff(wanted))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn rate(frames: i64, seconds: i64) -> FrameRate {
        FrameRate::new(video::Rational::new(frames, seconds).unwrap()).unwrap()
    }

    fn frames(target: u32, alignment: Alignment) -> Chunking {
        Chunking {
            target: Target::Frames(target),
            alignment,
        }
    }

    fn cuts(n: u64, target: u32, alignment: Alignment, points: &[u64]) -> Vec<u64> {
        let plan = plan(n, rate(24, 1), frames(target, alignment), None, points).unwrap();
        plan.boundaries().to_vec()
    }

    #[test]
    fn lengths_in_time_become_frames_by_the_exact_rate() {
        let ten_seconds = Target::Milliseconds(10_000);
        assert_eq!(ten_seconds.frames(rate(24, 1)), 240);
        assert_eq!(ten_seconds.frames(rate(30_000, 1001)), 300);
        assert_eq!(
            Target::Milliseconds(3_600_000).frames(rate(24_000, 1001)),
            86_314
        );
        assert_eq!(Target::Milliseconds(100).frames(rate(1, 10)), 1);
        assert_eq!(
            Target::Milliseconds(u64::MAX).frames(rate(i64::MAX, 1)),
            u64::MAX
        );
    }

    #[test]
    fn a_fixed_grid_is_kept_but_for_a_runt_at_the_end() {
        assert_eq!(cuts(300, 100, Alignment::Fixed, &[]), [0, 100, 200, 300]);
        assert_eq!(cuts(324, 100, Alignment::Fixed, &[]), [0, 100, 200, 324]);
        assert_eq!(
            cuts(325, 100, Alignment::Fixed, &[]),
            [0, 100, 200, 300, 325]
        );
        assert_eq!(cuts(1, 100, Alignment::Fixed, &[]), [0, 1]);
    }

    #[test]
    fn cuts_move_to_near_random_access_points_only() {
        assert_eq!(
            cuts(225, 100, Alignment::Source, &[0, 90, 112, 178]),
            [0, 90, 178, 225]
        );
        assert_eq!(
            cuts(225, 100, Alignment::Source, &[0, 87, 188]),
            [0, 100, 175, 225]
        );
    }

    #[test]
    fn the_last_chunks_are_shorter_and_two_are_alike() {
        let lengths = |n, target| {
            let cuts = cuts(n, target, Alignment::Source, &[]);
            cuts.windows(2)
                .map(|pair| pair[1] - pair[0])
                .collect::<Vec<_>>()
        };
        assert_eq!(lengths(240, 240), [240]);
        assert_eq!(lengths(241, 240), [120, 121]);
        assert_eq!(lengths(1253, 240), [238, 239, 239, 238, 179, 120]);
        assert_eq!(lengths(3, 1), [1, 1, 1]);
        assert_eq!(lengths(17, 8), [7, 6, 4]);
    }

    #[test]
    fn what_cannot_be_cut_is_refused() {
        let chunking = frames(1, Alignment::Fixed);
        assert_eq!(
            plan(0, rate(24, 1), chunking, None, &[]),
            Err(PlanError::NoFrames)
        );
        let too_many = PlanError::TooMany {
            target: 1,
            chunks: 100_001,
        };
        assert_eq!(
            plan(100_001, rate(24, 1), chunking, None, &[]),
            Err(too_many)
        );
    }

    fn groups(n: u64, target: u32, points: &[u64]) -> Vec<u64> {
        let chunking = frames(target, Alignment::Source);
        let plan = plan(n, rate(24, 1), chunking, Some(16), points).unwrap();
        plan.chunks().map(|chunk| chunk.end - chunk.start).collect()
    }

    #[test]
    fn chunks_of_whole_groups_move_to_points_that_keep_them_whole() {
        assert_eq!(groups(1253, 240, &[]), [241, 241, 241, 225, 193, 112]);
        assert_eq!(groups(1253, 240, &[226, 240, 468])[..2], [241, 241]);
        assert_eq!(groups(1253, 240, &[225, 466])[..2], [225, 241]);
        assert_eq!(groups(17, 17, &[]), [17]);
        assert_eq!(groups(18, 17, &[]), [18]);
        // Too short for a group.
        assert_eq!(groups(40, 16, &[]), [16, 16, 8]);
    }

    proptest! {
        #[test]
        fn chunks_of_whole_groups_cover_every_frame(
            n in 1u64..50_000,
            target in 17u32..3_000,
            mut points in proptest::collection::vec(0u64..50_000, 0..400),
        ) {
            points.sort_unstable();
            points.dedup();
            let lengths = groups(n, target, &points);
            prop_assert_eq!(lengths.iter().sum::<u64>(), n);
            let (last, whole) = lengths.split_last().unwrap();
            prop_assert!(whole.iter().all(|length| length % 16 == 1 && *length > 16), "{whole:?}");
            let longest = u64::from(target) + u64::from(target) / 4 + 32;
            prop_assert!(lengths.iter().all(|length| *length <= longest), "{lengths:?}");
            prop_assert!(*last >= n.min(u64::from(target) / 4 - 2), "{lengths:?}");
        }

        #[test]
        fn chunks_cover_every_frame_once_and_none_is_a_runt(
            n in 1u64..50_000,
            target in 1u32..3_000,
            fixed: bool,
            mut points in proptest::collection::vec(0u64..50_000, 0..400),
        ) {
            prop_assume!(n / u64::from(target) < MAX_CHUNKS);
            points.sort_unstable();
            let alignment = if fixed { Alignment::Fixed } else { Alignment::Source };
            let plan = plan(n, rate(24, 1), frames(target, alignment), None, &points).unwrap();
            prop_assert!(ChunkPlan::new(plan.boundaries().to_vec()).is_some());
            prop_assert_eq!(plan.frames(), n);
            let target = u64::from(target);
            for chunk in plan.chunks() {
                let length = chunk.end - chunk.start;
                prop_assert!(length >= n.min((target / 4).max(1)), "{chunk:?} of {target}");
                prop_assert!(length <= target + target / 4 + 1, "{chunk:?} of {target}");
            }
        }

        #[test]
        fn every_aligned_cut_is_a_point_or_where_it_was_wanted(
            n in 100u64..10_000,
            target in 8u32..500,
            points in proptest::collection::btree_set(0u64..10_000, 0..200),
        ) {
            let points: Vec<_> = points.into_iter().collect();
            let wanted = even_cuts(n, u64::from(target));
            let cuts = cuts(n, target, Alignment::Source, &points);
            prop_assert_eq!(cuts.len(), wanted.len());
            for (cut, wanted) in cuts.iter().zip(&wanted) {
                prop_assert!(cut == wanted || points.contains(cut));
                prop_assert!(cut.abs_diff(*wanted) <= u64::from(target) / 8);
            }
        }
    }
}
