//! How far an encode of this film is from its source by itself, around each frame.

use crate::inspect::{NEAR, NONE, Row};
use crate::print::LEVEL;

/// Frames on either side that tell the noise around one.
const AROUND: usize = 24;
/// Frames that share one estimate.
const STEP: usize = 12;
/// A quarter of a level of luma is always noise.
const LEAST: f32 = LEVEL as f32 / 4.0;
/// So many times the noise is still noise. Strong compression lets moving parts lag behind for a
/// few frames, by up to 2.7 times what is usual around them in the encodes that were measured.
const TOLERANCE: f32 = 3.2;
/// The typical distance to the place, in terms of the least distance to any place: of encodes that
/// lag behind, it is up to so many times.
const LAG: f32 = 2.5;
/// Two pictures are different ones when they differ by so much of their contrast; the coarsest of
/// the encodes that were measured differ by 0.15 of it.
const DIFFERENT: f32 = 0.4;
/// Pictures of little contrast are different ones when they differ by this many levels.
const DIFFERENT_LEAST: f32 = 8.0 * LEVEL as f32;

/// The noise of the coarsest encode that is still told from another film.
const COARSEST: f32 = 4.3 * LEVEL as f32;

/// What distances mean for one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Limits {
    /// Up to this distance, it may be that frame.
    pub(super) same: f32,
    /// From this distance on, it shows something else.
    pub(super) different: f32,
}

/// The limits of each row.
pub(super) fn limits(rows: &[Row]) -> Vec<Limits> {
    let local: Vec<f32> = (0..rows.len())
        .step_by(STEP)
        .map(|at| around(rows, at))
        .collect();
    let usual = median(local.clone());
    let least = DIFFERENT_LEAST.max(TOLERANCE * usual.min(COARSEST));
    let limits = |(row, noise): (&Row, &f32)| {
        let different = (DIFFERENT * f32::from(row.contrast)).max(least);
        let noise = noise.max(usual).max(LEAST);
        Limits {
            same: (TOLERANCE * noise).min(different),
            different,
        }
    };
    let noises = local
        .iter()
        .flat_map(|noise| std::iter::repeat_n(noise, STEP));
    rows.iter().zip(noises).map(limits).collect()
}

/// The noise around the rows from `at` on. Frames that are shifted, all by as much, are no
/// noise: the offset that fits best counts.
fn around(rows: &[Row], at: usize) -> f32 {
    let window = &rows[at.saturating_sub(AROUND)..rows.len().min(at + STEP + AROUND)];
    let of_offset = |offset: i64| {
        let measured = window.iter().map(|row| row.distance(offset));
        let known: Vec<f32> = measured.filter(|d| *d != NONE).map(f32::from).collect();
        (2 * known.len() >= window.len()).then(|| median(known))
    };
    let near = (-NEAR..=NEAR).filter_map(of_offset);
    let least = window.iter().map(|row| f32::from(row.least())).collect();
    near.fold(LAG * median(least), f32::min)
}

/// The middle one; 0 of none.
pub(super) fn median(mut values: Vec<f32>) -> f32 {
    let middle = values.len() / 2;
    match values.is_empty() {
        true => 0.0,
        false => *values.select_nth_unstable_by(middle, f32::total_cmp).1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::tests::rows;

    #[test]
    fn noise_is_what_most_frames_have() {
        let mut clean = rows(100, |_, offset| if offset == 0 { 100 } else { 5000 });
        clean[50].near[NEAR as usize] = 4000;
        let limits = limits(&clean);
        assert!(limits.iter().all(|limit| limit.same == TOLERANCE * 100.0));
    }

    #[test]
    fn a_shift_is_no_noise_and_another_film_is_none_either() {
        let shifted = rows(100, |_, offset| if offset == 3 { 100 } else { 5000 });
        assert_eq!(limits(&shifted)[50].same, TOLERANCE * 100.0);
        let other = rows(100, |_, _| 20_000);
        assert_eq!(limits(&other)[50].same, limits(&other)[50].different);
    }
}
