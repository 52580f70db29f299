//! Is a chunk much worse than its neighbours?
//!
//! Compared is what lies on either side of a boundary, a few frames of each: how far they are from
//! the source, and how much detail they keep. Where the source itself cuts to another scene,
//! nothing is said: other content is coded differently well, and nobody can see a step there.
//!
//! Coarse encodes get worse on the way, and better all at once at the next random access point.
//! That is no chunk's fault: a chunk is only worse if it is so from its beginning to its end, and
//! if it did not merely go on as the one before ended.

use std::ops::Range;

use vvs_api::report::{Discrepancy, QUALITY_STEP};

use crate::inspect::Row;
use crate::print::LEVEL;
use crate::verdict::noise::median;

/// Frames on either side that are compared, at most and at least.
const SIDE: (usize, usize) = (12, 3);
/// A scene ends where the source moves by so much of its contrast at once.
const CUT: f32 = 0.25;
/// The smallest step of the error that is told, and of detail, in octaves.
const STEP: (f32, f32) = (2.0, 0.8);
/// How many times the natural steps within chunks a step must be.
const UNNATURAL: f32 = 2.0;
/// Added to errors, so that next to nothing is no great multiple of nothing.
const ERROR: f32 = LEVEL as f32 / 8.0;
/// The least error, in units of distance, that is worth to be told of.
const VISIBLE: f32 = LEVEL as f32 / 3.0;

/// How one side of a boundary is coded.
#[derive(Clone, Copy, Debug)]
struct Side {
    /// Logarithm of the distance from the source.
    error: f32,
    detail: f32,
}

impl Side {
    fn to(self, after: Side) -> Step {
        Step {
            error: after.error - self.error,
            detail: self.detail - after.detail,
        }
    }
}

/// A difference between the sides, in octaves: positive when the second is worse.
#[derive(Clone, Copy, Debug, Default)]
struct Step {
    error: f32,
    detail: f32,
}

/// One discrepancy for each chunk that is much worse than what comes before or after it.
pub(super) fn steps(rows: &[&Row], boundaries: &[u64]) -> Vec<Discrepancy> {
    let chunks = chunks(rows, boundaries);
    let natural = natural(rows, &chunks);
    let mut worse: Vec<(Range<usize>, Step)> = Vec::new();
    // The step from the chunk before, if it can be judged.
    let mut last = None;
    for pair in chunks.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        let here = step_at(rows, before, after);
        let came = std::mem::replace(&mut last, here.map(|(step, _)| step));
        let Some((step, error)) = here else {
            continue;
        };
        let is_visible = error >= (VISIBLE + ERROR).log2();
        if !is_visible || !step.is_unnatural(natural) || !is_throughout(rows, before, after, step) {
            continue;
        }
        let chunk = if step.is_worse() { after } else { before };
        // What only gets better was perhaps refreshed.
        let refreshed = !step.is_worse() && came.is_some_and(|came| !came.is_half_as_bad());
        let is_known = worse.last().is_some_and(|(known, _)| known == chunk);
        if !refreshed && !is_known {
            worse.push((chunk.clone(), step));
        }
    }
    worse
        .into_iter()
        .map(|(chunk, step)| told(rows, chunk, step))
        .collect()
}

impl Step {
    /// Whether what comes second is the worse.
    fn is_worse(self) -> bool {
        self.error / STEP.0 + self.detail / STEP.1 > 0.0
    }

    fn is_unnatural(self, natural: Step) -> bool {
        self.error.abs() > STEP.0.max(UNNATURAL * natural.error)
            || self.detail.abs() > STEP.1.max(UNNATURAL * natural.detail)
    }

    /// By one measure at least, and not much better by the other.
    fn is_half_as_bad(self) -> bool {
        let (error, detail) = (self.error / STEP.0, self.detail / STEP.1);
        error.max(detail) > 0.5 && error.min(detail) > -0.25
    }
}

fn told(rows: &[&Row], chunk: Range<usize>, step: Step) -> Discrepancy {
    let (start, end) = (rows[chunk.start].frame, rows[chunk.end - 1].frame + 1);
    let message = format!(
        "a chunk is much worse than its neighbour: {:.1} times as far from the source, {:.0} % of the detail",
        step.error.abs().exp2(),
        100.0 * (-step.detail.abs()).exp2()
    );
    Discrepancy::new(QUALITY_STEP, message).frames(start, end)
}

/// Rows of each chunk; those without rows are left out.
fn chunks(rows: &[&Row], boundaries: &[u64]) -> Vec<Range<usize>> {
    let place = |frame: &u64| rows.partition_point(|row| row.frame < *frame);
    let mut cuts: Vec<usize> = boundaries.iter().map(place).collect();
    cuts.extend([0, rows.len()]);
    cuts.sort_unstable();
    cuts.dedup();
    cuts.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

/// The step between two chunks, and the error of the worse side; `None` where a scene ends.
fn step_at(rows: &[&Row], before: &Range<usize>, after: &Range<usize>) -> Option<(Step, f32)> {
    if is_cut(rows[after.start]) {
        return None;
    }
    let before = side(rows[before.clone()].iter().rev(), is_cut)?;
    let mut first = true;
    let after = side(rows[after.clone()].iter(), |row| {
        !std::mem::take(&mut first) && is_cut(row)
    })?;
    Some((before.to(after), before.error.max(after.error)))
}

/// Whether the one chunk is worse than the other from its beginning to its end, at least by half.
fn is_throughout(rows: &[&Row], before: &Range<usize>, after: &Range<usize>, step: Step) -> bool {
    let begin = |chunk: &Range<usize>| side(rows[chunk.clone()].iter(), |_| false);
    let end = |chunk: &Range<usize>| side(rows[chunk.clone()].iter().rev(), |_| false);
    let as_bad = |before: Option<Side>, after: Option<Side>| {
        let sides = before.zip(after);
        sides.is_some_and(|(before, after)| match step.is_worse() {
            true => before.to(after).is_half_as_bad(),
            false => after.to(before).is_half_as_bad(),
        })
    };
    as_bad(begin(before), begin(after)) && as_bad(end(before), end(after))
}

/// The frames of one side, up to the end of the scene.
fn side<'a>(
    rows: impl Iterator<Item = &'a &'a Row>,
    mut ends: impl FnMut(&Row) -> bool,
) -> Option<Side> {
    let mut near = Vec::new();
    for row in rows.take(SIDE.0) {
        near.push(row);
        if ends(row) {
            break;
        }
    }
    let of = |value: fn(&Row) -> f32| median(near.iter().map(|row| value(row)).collect());
    (near.len() >= SIDE.1).then(|| Side {
        error: of(|row| (f32::from(row.least()) + ERROR).log2()),
        detail: of(|row| row.detail),
    })
}

fn is_cut(row: &Row) -> bool {
    f32::from(row.moved) > CUT * f32::from(row.contrast).max(LEVEL.into())
}

/// What steps there are within chunks, where none were made: nine of ten are smaller.
fn natural(rows: &[&Row], chunks: &[Range<usize>]) -> Step {
    let (mut errors, mut details) = (Vec::new(), Vec::new());
    for chunk in chunks {
        let inside = (chunk.start + SIDE.0..chunk.end.saturating_sub(SIDE.0)).step_by(SIDE.0 / 2);
        for at in inside {
            let sides = (chunk.start..at, at..chunk.end);
            if let Some((step, _)) = step_at(rows, &sides.0, &sides.1) {
                errors.push(step.error.abs());
                details.push(step.detail.abs());
            }
        }
    }
    Step {
        error: ninth_tenth(errors),
        detail: ninth_tenth(details),
    }
}

fn ninth_tenth(mut values: Vec<f32>) -> f32 {
    let at = values.len() * 9 / 10;
    match values.is_empty() {
        true => 0.0,
        false => *values.select_nth_unstable_by(at, f32::total_cmp).1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::tests::rows;

    fn told(rows: &[Row], boundaries: &[u64]) -> Vec<(u64, u64)> {
        let rows: Vec<&Row> = rows.iter().collect();
        let frames = |one: Discrepancy| one.frames.map_or((0, 0), |f| (f.start, f.end));
        steps(&rows, boundaries).into_iter().map(frames).collect()
    }

    fn coded(error: impl Fn(i64) -> u16) -> Vec<Row> {
        rows(
            120,
            |frame, offset| if offset == 0 { error(frame) } else { 5000 },
        )
    }

    const BOUNDARIES: [u64; 4] = [0, 30, 60, 90];

    #[test]
    fn a_chunk_worse_than_its_neighbours_is_told_once() {
        let step = coded(|frame| if (30..60).contains(&frame) { 900 } else { 150 });
        assert_eq!(told(&step, &BOUNDARIES), [(30, 60)]);
        let rest = coded(|frame| if frame >= 60 { 900 } else { 150 });
        assert_eq!(told(&rest, &BOUNDARIES), [(60, 90)]);
    }

    #[test]
    fn small_steps_and_what_is_natural_are_not_told() {
        assert_eq!(
            told(&coded(|frame| 150 + 3 * frame as u16), &BOUNDARIES),
            []
        );
        assert_eq!(
            told(
                &coded(|frame| if frame >= 60 { 60 } else { 2 }),
                &BOUNDARIES
            ),
            []
        );
        // It goes up and down within chunks just as much.
        let wild = coded(|frame| if frame / 15 % 2 == 0 { 900 } else { 150 });
        assert_eq!(told(&wild, &BOUNDARIES), []);
    }

    #[test]
    fn what_gets_worse_and_is_refreshed_is_not_told() {
        let pulsing = coded(|frame| 100 + 80 * (frame % 30) as u16);
        assert_eq!(told(&pulsing, &BOUNDARIES), []);
        // A ghost stays in an otherwise easy picture until it is refreshed.
        let ghost = coded(|frame| match frame {
            0..45 => 700,
            45..60 => 600,
            _ => 10,
        });
        assert_eq!(told(&ghost, &BOUNDARIES), []);
    }

    #[test]
    fn nothing_is_said_of_a_cut() {
        let mut step = coded(|frame| if frame >= 60 { 900 } else { 150 });
        step[60].moved = step[60].contrast;
        assert_eq!(told(&step, &BOUNDARIES), []);
    }

    #[test]
    fn lost_detail_is_a_step() {
        let mut blurred = coded(|_| 150);
        blurred[30..60].iter_mut().for_each(|row| row.detail = -1.5);
        assert_eq!(told(&blurred, &BOUNDARIES), [(30, 60)]);
    }

    #[test]
    fn odd_boundaries_do_no_harm() {
        assert_eq!(told(&[], &[0, 7]), []);
        assert_eq!(told(&coded(|_| 150), &[0, 1, 2, 3, 119, 500]), []);
    }
}
