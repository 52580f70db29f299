//! Which frame of the source each frame of the video shows: the cheapest path.
//!
//! At each frame the path is at an offset (how many frames ahead of its place the source's frame
//! is), or nowhere: the frame shows something else. A frame costs nothing where it fits within the
//! noise, and more the less it fits; every change of the offset costs a little. So the path stays
//! where it is for as long as that is possible: frames that look alike cost nothing anywhere.

use crate::inspect::{NEAR, NONE, Row};
use crate::print::LEVEL;
use crate::verdict::noise::Limits;

/// What a frame of the video shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// The source's frame so many places after its own.
    At(i64),
    /// No frame of the source, as far as was looked.
    Other,
}

/// Price of a change.
const CHANGE: f32 = 0.3;
/// Price of each frame that a change leaps over, up to the tenth.
const LEAP: f32 = 0.005;
/// Price of the first misfit, and the highest of any.
const MISFIT: (f32, f32) = (1.0, 4.0);
/// Price of a frame that shows something else.
const ELSEWHERE: f32 = 0.9;
/// A frame that fits nowhere well may be where it fits almost best.
const ALMOST: f32 = 1.4;
/// Levels up to which a picture counts as black, and above which it surely is not.
const BLACK: (u16, u16) = (24 * LEVEL, 40 * LEVEL);
/// How far a change is moved to where it fits best.
const SLIDE: usize = 1_000;

const STATES: usize = 2 * NEAR as usize + 1 + 4 + 1;

/// The cheapest path through all rows.
pub(super) fn path(rows: &[Row], limits: &[Limits]) -> Vec<Shown> {
    let mut path = match rows
        .iter()
        .zip(limits)
        .all(|(row, limits)| is_at_home(row, limits))
    {
        true => vec![Shown::At(0); rows.len()],
        false => cheapest(rows, limits),
    };
    slide_changes(rows, limits, &mut path);
    path
}

fn is_at_home(row: &Row, limits: &Limits) -> bool {
    f32::from(row.distance(0)) <= limits.same && !is_blacked_out(row)
}

/// Whether it is black and the source's frame in its place is not.
pub(super) fn is_blacked_out(row: &Row) -> bool {
    let (own, source) = row.brightest;
    own <= BLACK.0 && source > BLACK.1 && source != NONE
}

/// Where a frame may be, at what price.
fn prices(row: &Row, limits: &Limits) -> [(Shown, f32); STATES] {
    let least = f32::from(row.least());
    let fits = limits
        .same
        .max(ALMOST * least.min(limits.different / ALMOST));
    let of = |offset: i64, distance: u16| {
        let price = match f32::from(distance) {
            _ if distance == NONE => f32::INFINITY,
            distance if distance <= fits => 0.0,
            distance => (distance / limits.same * MISFIT.0).min(MISFIT.1),
        };
        (Shown::At(offset), price)
    };
    let elsewhere = match least >= limits.different || is_blacked_out(row) {
        true => ELSEWHERE,
        false => MISFIT.1,
    };
    let near = (-NEAR..=NEAR).zip(row.near);
    let far = row
        .far
        .iter()
        .map(|(offset, distance)| (i64::from(*offset), *distance));
    let mut all = [(Shown::Other, elsewhere); STATES];
    all.iter_mut()
        .zip(near.chain(far))
        .for_each(|(state, (offset, distance))| {
            *state = of(offset, distance);
        });
    all
}

/// The price of a change. One black frame looks like another: where there should be none, nothing
/// can be recognised, but the path may go on.
fn change(from: Shown, to: Shown, black: bool) -> f32 {
    match (from, to) {
        _ if from == to => 0.0,
        (_, Shown::At(_)) if black => f32::INFINITY,
        (Shown::At(from), Shown::At(to)) => CHANGE + LEAP * from.abs_diff(to).min(10) as f32,
        _ => CHANGE,
    }
}

fn cheapest(rows: &[Row], limits: &[Limits]) -> Vec<Shown> {
    let mut back: Vec<[u8; STATES]> = Vec::with_capacity(rows.len());
    // The path comes from its place.
    let mut before = [(Shown::At(0), f32::INFINITY); STATES];
    before[0].1 = 0.0;
    for (row, limits) in rows.iter().zip(limits) {
        let black = is_blacked_out(row);
        let mut now = prices(row, limits);
        let mut origins = [0; STATES];
        for (state, origin) in now.iter_mut().zip(&mut origins) {
            let (cheapest, price) = cheapest_origin(&before, state.0, black);
            *origin = cheapest;
            state.1 += price;
        }
        back.push(origins);
        before = now;
    }
    walk_back(rows, limits, &back, &before)
}

fn cheapest_origin(before: &[(Shown, f32); STATES], to: Shown, black: bool) -> (u8, f32) {
    let mut best = (0, f32::INFINITY);
    for (index, (from, price)) in before.iter().enumerate() {
        let price = price + change(*from, to, black);
        if price < best.1 {
            best = (index as u8, price);
        }
    }
    best
}

fn walk_back(
    rows: &[Row],
    limits: &[Limits],
    back: &[[u8; STATES]],
    last: &[(Shown, f32); STATES],
) -> Vec<Shown> {
    let ends = last.iter().enumerate();
    let mut state = ends
        .min_by(|(_, a), (_, b)| a.1.total_cmp(&b.1))
        .map_or(0, |(index, _)| index);
    let mut path = Vec::with_capacity(rows.len());
    for ((row, limits), origins) in rows.iter().zip(limits).zip(back).rev() {
        path.push(prices(row, limits)[state].0);
        state = usize::from(origins[state]);
    }
    path.reverse();
    path
}

/// Where both offsets cost nothing, a change could be anywhere: it is put where all fits best.
fn slide_changes(rows: &[Row], limits: &[Limits], path: &mut [Shown]) {
    for at in 1..path.len() {
        if let (Shown::At(from), Shown::At(to)) = (path[at - 1], path[at])
            && from != to
        {
            slide(rows, limits, path, at, (from, to));
        }
    }
}

fn slide(rows: &[Row], limits: &[Limits], path: &mut [Shown], at: usize, (from, to): (i64, i64)) {
    let fits = |row: usize, offset: i64| f32::from(rows[row].distance(offset)) <= limits[row].same;
    let free = |row: &usize| fits(*row, from) && fits(*row, to);
    let left = (at.saturating_sub(SLIDE)..at).rev();
    let left = left
        .take_while(|row| path[*row] == Shown::At(from) && free(row))
        .count();
    let right = at..path.len().min(at + SLIDE);
    let right = right
        .take_while(|row| path[*row] == Shown::At(to) && free(row))
        .count();
    let (start, end) = (at - left, at + right);
    let square = |row: usize, offset: i64| f64::from(rows[row].distance(offset)).powi(2);
    // The gain of having changed before each row; of equals, the one that leaves more at home.
    let homewards = from.abs() > to.abs();
    let (mut best, mut sum) = ((0.0, at), 0.0);
    for row in at..end {
        sum += square(row, to) - square(row, from);
        if sum > best.0 || (sum == best.0 && !homewards) {
            best = (sum, row + 1);
        }
    }
    sum = 0.0;
    for row in (start..at).rev() {
        sum += square(row, from) - square(row, to);
        if sum > best.0 || (sum == best.0 && homewards) {
            best = (sum, row);
        }
    }
    path[start..best.1].fill(Shown::At(from));
    path[best.1..end].fill(Shown::At(to));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::noise::limits;
    use crate::verdict::tests::rows;

    /// Rows of a video whose frame `n` shows the source's frame `shows(n)`, one level of movement
    /// a frame but none between `still`.
    fn moving(frames: u64, still: std::ops::Range<i64>, shows: impl Fn(i64) -> i64) -> Vec<Row> {
        let position = |frame: i64| frame - (frame.clamp(still.start, still.end) - still.start);
        rows(frames, |frame, offset| {
            let away = position(frame + offset) - position(shows(frame));
            (50 + away.unsigned_abs() * 2000).min(60_000) as u16
        })
    }

    fn offsets(rows: &[Row]) -> Vec<i64> {
        let offset = |shown: &Shown| match shown {
            Shown::At(offset) => *offset,
            Shown::Other => 99,
        };
        path(rows, &limits(rows)).iter().map(offset).collect()
    }

    #[test]
    fn a_path_stays_where_it_is_until_it_must_change() {
        let dropped = offsets(&moving(40, 0..0, |n| n + i64::from(n >= 10)));
        assert_eq!(dropped, [vec![0; 10], vec![1; 30]].concat());
        let doubled = offsets(&moving(40, 0..0, |n| n - i64::from(n == 10)));
        assert_eq!(doubled, [vec![0; 10], vec![-1], vec![0; 29]].concat());
        let frozen = offsets(&moving(
            40,
            0..0,
            |n| if (10..14).contains(&n) { 9 } else { n },
        ));
        assert_eq!(
            frozen,
            [vec![0; 10], vec![-1, -2, -3, -4], vec![0; 26]].concat()
        );
    }

    #[test]
    fn frames_that_look_alike_are_all_right() {
        assert_eq!(offsets(&moving(60, 10..40, |n| n)), [0; 60]);
        let frozen = |n| if (10..40).contains(&n) { 12 } else { n };
        assert_eq!(offsets(&moving(60, 10..40, frozen)), [0; 60]);
        // A frame is lost somewhere in the still; it is missed when all moves again.
        let dropped = offsets(&moving(60, 10..40, |n| n + i64::from(n >= 20)));
        assert_eq!((dropped[9], dropped[41]), (0, 1));
    }

    #[test]
    fn what_fits_nowhere_is_something_else() {
        let foreign = rows(60, |frame, offset| match (frame, offset) {
            (20..30, _) => 20_000,
            (_, 0) => 50,
            _ => 4000,
        });
        assert_eq!(
            offsets(&foreign),
            [vec![0; 20], vec![99; 10], vec![0; 30]].concat()
        );
    }

    #[test]
    fn a_black_frame_is_only_recognised_where_the_path_leads() {
        // The source is black from frame 30 on, and the video one frame early.
        let blacks = |video: &dyn Fn(i64) -> bool, source: &dyn Fn(i64) -> bool| {
            let mut rows = rows(60, |frame, offset| {
                let away = offset - i64::from(frame >= 10);
                match video(frame) == source(frame + offset) {
                    true if video(frame) => 0,
                    true => (50 + away.unsigned_abs() * 2000) as u16,
                    false => 20_000,
                }
            });
            for row in &mut rows {
                let level = |black| if black { 4_096 } else { 50_000 };
                let frame = row.frame as i64;
                row.brightest = (level(video(frame)), level(source(frame)));
            }
            offsets(&rows)
        };
        let early = blacks(&|frame| frame >= 29, &|frame| frame >= 30);
        assert_eq!(early, [vec![0; 10], vec![1; 50]].concat());
        // Black frames of which the source has some elsewhere.
        let inserted = blacks(
            &|frame| (18..22).contains(&frame) || (25..29).contains(&frame),
            &|frame| (26..30).contains(&frame),
        );
        let expected = [vec![0; 10], vec![1; 8], vec![99; 4], vec![1; 38]];
        assert_eq!(inserted, expected.concat());
    }

    #[test]
    fn a_change_is_where_all_fits_best() {
        // One level of movement a frame, and noise of as much: each may be its neighbour.
        let slow = rows(60, |frame, offset| {
            let away = offset - i64::from(frame >= 30);
            match frame {
                // Enough to tell here alone.
                10 | 50 if away != 0 => 5000,
                _ => (300 + away.unsigned_abs() * 100) as u16,
            }
        });
        assert_eq!(offsets(&slow), [vec![0; 30], vec![1; 30]].concat());
    }
}
