//! Where to cut: a pure function of the number of frames, the target and the source's random
//! access points.

use video::FrameRate;

use crate::recipe::cuts::cuts;
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
/// to them when the directives allow it. No chunk is shorter than a quarter of the target, but
/// for a source that is itself; a source no longer than the target is one chunk.
pub fn plan(
    frames: u64,
    rate: FrameRate,
    chunking: Chunking,
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
    Ok(ChunkPlan(match chunking.alignment {
        Alignment::Source if frames <= target => vec![0, frames],
        Alignment::Source if target >= LEAST_MOVABLE => cuts(frames, target, random_access),
        Alignment::Source | Alignment::Fixed => grid(frames, target),
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
            ..Chunking::default()
        }
    }

    fn cuts(n: u64, target: u32, alignment: Alignment, points: &[u64]) -> Vec<u64> {
        let plan = plan(n, rate(24, 1), frames(target, alignment), points).unwrap();
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
    fn cuts_move_to_random_access_points_that_are_near() {
        let points = [0, 90, 178];
        assert_eq!(
            cuts(225, 100, Alignment::Source, &points),
            [0, 90, 178, 225]
        );
    }

    #[test]
    fn a_source_no_longer_than_a_chunk_is_not_cut() {
        assert_eq!(cuts(240, 240, Alignment::Source, &[]), [0, 240]);
        assert_eq!(cuts(241, 240, Alignment::Source, &[0, 120]), [0, 120, 241]);
        assert_eq!(cuts(3, 1, Alignment::Source, &[]), [0, 1, 2, 3]);
    }

    #[test]
    fn what_cannot_be_cut_is_refused() {
        let chunking = frames(1, Alignment::Fixed);
        assert_eq!(
            plan(0, rate(24, 1), chunking, &[]),
            Err(PlanError::NoFrames)
        );
        let too_many = PlanError::TooMany {
            target: 1,
            chunks: 100_001,
        };
        assert_eq!(plan(100_001, rate(24, 1), chunking, &[]), Err(too_many));
    }

    proptest! {
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
            let plan = plan(n, rate(24, 1), frames(target, alignment), &points).unwrap();
            prop_assert!(ChunkPlan::new(plan.boundaries().to_vec()).is_some());
            prop_assert_eq!(plan.frames(), n);
            let target = u64::from(target);
            for chunk in plan.chunks() {
                let length = chunk.end - chunk.start;
                prop_assert!(length >= n.min((target / 4).max(1)), "{chunk:?} of {target}");
                prop_assert!(length <= target + target / 4 + 1, "{chunk:?} of {target}");
            }
        }
    }
}
