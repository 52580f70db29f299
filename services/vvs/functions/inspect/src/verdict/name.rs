//! What a path means: which frames are missing, doubled, swapped, shifted or from elsewhere.

use std::collections::HashMap;
use std::ops::Range;

use vvs_api::report::{
    BLACK_FRAMES, Discrepancy, FOREIGN_FRAMES, FRAME_DOUBLED, FRAME_MISSING, FRAMES_SHIFTED,
    FRAMES_SWAPPED, FROZEN_FRAMES,
};

use crate::inspect::{NONE, Row};
use crate::print::LEVEL;
use crate::verdict::path::{Shown, is_blacked_out};

/// From so many frames on that show one and the same, they are frozen rather than doubled.
const FROZEN: usize = 5;
/// Frames that are swapped among one another, at most.
const SWAPPED: usize = 16;
/// A frame that differs from the one before by less than this stands still.
const STILL: u16 = LEVEL / 16;

/// What differs from every frame being the source's frame of the same index. `frames` are those
/// that the video has, with those that did not decode.
pub(super) fn differences(
    rows: &[Row],
    path: &[Shown],
    frames: u64,
    source_frames: u64,
) -> Vec<Discrepancy> {
    let mut story = Story::new(rows, path);
    let mut found = story.elsewhere();
    found.extend(story.swapped());
    found.extend(story.doubled());
    found.extend(story.missing(frames, source_frames));
    found.extend(story.shifted());
    found
}

struct Story<'a> {
    rows: &'a [Row],
    path: &'a [Shown],
    /// Rows whose place is explained.
    told: Vec<bool>,
    /// Source frames whose absence is explained, beside those in the place of other pictures.
    excused: Vec<Range<u64>>,
}

impl<'a> Story<'a> {
    fn new(rows: &'a [Row], path: &'a [Shown]) -> Self {
        Self {
            rows,
            path,
            told: vec![false; rows.len()],
            excused: Vec::new(),
        }
    }

    /// The source's frame that a row shows.
    fn shows(&self, row: usize) -> Option<u64> {
        match self.path[row] {
            Shown::At(offset) => self.rows[row].frame.checked_add_signed(offset),
            Shown::Other => None,
        }
    }

    fn offset(&self, row: usize) -> Option<i64> {
        match self.path[row] {
            Shown::At(offset) => Some(offset),
            Shown::Other => None,
        }
    }

    fn frames(&self, rows: &Range<usize>) -> (u64, u64) {
        (
            self.rows[rows.start].frame,
            self.rows[rows.end - 1].frame + 1,
        )
    }

    /// Longest ranges of rows that follow one another with the same, not absent, key.
    fn runs<K: PartialEq>(&self, key: impl Fn(usize) -> Option<K>) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        let mut last: Option<(u64, K)> = None;
        for row in 0..self.rows.len() {
            let frame = self.rows[row].frame;
            let this = key(row);
            match (&last, &this, runs.last_mut()) {
                (Some((before, a)), Some(b), Some(run)) if before + 1 == frame && a == b => {
                    run.end = row + 1;
                }
                (_, Some(_), _) => runs.push(row..row + 1),
                _ => {}
            }
            last = this.map(|key| (frame, key));
        }
        runs
    }

    /// Runs of pictures that are no frame of the source.
    fn elsewhere(&mut self) -> Vec<Discrepancy> {
        let kind = |row: usize| {
            let other = self.path[row] == Shown::Other;
            other.then(|| is_blacked_out(&self.rows[row]))
        };
        let runs = self.runs(kind);
        let name = |run: Range<usize>| {
            let (start, end) = self.frames(&run);
            let (code, message) = self.other(run);
            Discrepancy::new(code, message).frames(start, end)
        };
        runs.into_iter().map(name).collect()
    }

    fn other(&self, run: Range<usize>) -> (&'static str, String) {
        let count = counted(run.len() as u64);
        let rows = &self.rows[run];
        if rows.iter().all(is_blacked_out) {
            return (
                BLACK_FRAMES,
                format!("{count} black where the source is not"),
            );
        }
        let still = |row: &Row| row.still <= STILL;
        if rows.len() >= FROZEN && rows[1..].iter().all(still) {
            return (
                FROZEN_FRAMES,
                format!("{count} the same picture, which is not the source's"),
            );
        }
        let least = rows
            .iter()
            .map(Row::least)
            .min()
            .filter(|least| *least != NONE);
        let distance = least.map_or_else(String::new, |least| {
            let levels = f32::from(least) / f32::from(LEVEL);
            format!("; the nearest differs by {levels:.1} levels of luma")
        });
        (
            FOREIGN_FRAMES,
            format!("{count} no frame of the source around{distance}"),
        )
    }

    /// Short runs that show their own frames in another order.
    fn swapped(&mut self) -> Vec<Discrepancy> {
        let mut found = Vec::new();
        let mut row = 0;
        while row < self.rows.len() {
            let length = self.permuted(row);
            if length > 1 {
                self.told[row..row + length].fill(true);
                let (start, end) = self.frames(&(row..row + length));
                let message = format!(
                    "{} the source's frames in another order",
                    counted(end - start)
                );
                found.push(Discrepancy::new(FRAMES_SWAPPED, message).frames(start, end));
            }
            row += length.max(1);
        }
        found
    }

    /// How many rows from this one on are a permutation of their places, relative to the offset
    /// that they come from; 0 = none.
    fn permuted(&self, first: usize) -> usize {
        let base = first
            .checked_sub(1)
            .map_or(Some(0), |before| self.offset(before));
        let relative = |row: usize| Some(self.offset(row)? - base?);
        if relative(first).is_none_or(|offset| offset <= 0) {
            return 0;
        }
        let (mut seen, mut farthest) = (Vec::new(), 0);
        for length in 1..=SWAPPED.min(self.rows.len() - first) {
            let row = first + length - 1;
            let Some(place) = relative(row).map(|offset| length as i64 - 1 + offset) else {
                return 0;
            };
            let follows = self.rows[row].frame == self.rows[first].frame + length as u64 - 1;
            if place < 0 || seen.contains(&place) || !follows {
                return 0;
            }
            seen.push(place);
            farthest = farthest.max(place);
            if farthest == length as i64 - 1 {
                return length;
            }
        }
        0
    }

    /// Frames that show what another one shows, which is nearer to its place.
    fn doubled(&mut self) -> Vec<Discrepancy> {
        let mut owners: HashMap<u64, usize> = HashMap::new();
        let mut doubled = vec![false; self.rows.len()];
        for row in 0..self.rows.len() {
            let (Some(shows), Some(offset)) = (self.shows(row), self.offset(row)) else {
                continue;
            };
            let Some(other) = owners.get(&shows).copied() else {
                owners.insert(shows, row);
                continue;
            };
            let away = self.offset(other).map_or(u64::MAX, i64::unsigned_abs);
            let is_owner = offset.unsigned_abs() < away;
            doubled[if is_owner { other } else { row }] = true;
            if is_owner {
                owners.insert(shows, row);
            }
        }
        // A picture that stands, or a stretch that is repeated.
        let step = |row: usize| {
            let stands = row > 0 && self.shows(row) == self.shows(row - 1);
            doubled[row].then_some(stands)
        };
        let runs = self.runs(step);
        self.told
            .iter_mut()
            .zip(&doubled)
            .for_each(|(told, doubled)| *told |= doubled);
        runs.into_iter().map(|run| self.repeated(run)).collect()
    }

    fn repeated(&mut self, run: Range<usize>) -> Discrepancy {
        let (start, end) = self.frames(&run);
        let shows = self.shows(run.start).unwrap_or(0);
        let stands = run.start > 0 && self.shows(run.start - 1) == Some(shows);
        let count = counted(end - start);
        match stands && run.len() >= FROZEN {
            true => {
                self.excused.push(start..end);
                let message = format!("{count} frame {shows} of the source, which moves on");
                Discrepancy::new(FROZEN_FRAMES, message).frames(start, end)
            }
            false => {
                let message =
                    format!("{count} what another frame shows: frame {shows} of the source");
                let message = match end - start {
                    1 => message,
                    _ => message + " and those after it",
                };
                Discrepancy::new(FRAME_DOUBLED, message).frames(start, end)
            }
        }
    }

    /// Frames of the source that are never shown, and in whose place is no other picture.
    fn missing(&self, frames: u64, source_frames: u64) -> Vec<Discrepancy> {
        let mut shown = vec![false; source_frames as usize];
        let mut excuse = |frame: u64| {
            if let Some(shown) = shown.get_mut(frame as usize) {
                *shown = true;
            }
        };
        (0..self.rows.len())
            .filter_map(|row| self.shows(row))
            .for_each(&mut excuse);
        self.excused.iter().cloned().flatten().for_each(&mut excuse);
        self.in_place_of_others(frames)
            .into_iter()
            .for_each(&mut excuse);
        let missing: Vec<u64> = (0..source_frames)
            .filter(|at| !shown[*at as usize])
            .collect();
        let runs = missing.chunk_by(|a, b| a + 1 == *b);
        runs.map(|run| {
            let (start, end) = (run[0], run[run.len() - 1] + 1);
            let message = match end - start {
                1 => format!("frame {start} of the source is missing"),
                _ => format!("frames {start} to {} of the source are missing", end - 1),
            };
            Discrepancy::new(FRAME_MISSING, message).frames(start, end)
        })
        .collect()
    }

    /// Places of frames that did not decode or show something else.
    fn in_place_of_others(&self, frames: u64) -> Vec<u64> {
        let mut decoded = vec![false; frames as usize];
        for (row, shown) in self.rows.iter().zip(self.path) {
            if let (Shown::At(_), Some(decoded)) = (shown, decoded.get_mut(row.frame as usize)) {
                *decoded = true;
            }
        }
        (0..frames)
            .filter(|frame| !decoded[*frame as usize])
            .collect()
    }

    /// Runs that are off by as much, without those of which something else was told.
    fn shifted(&self) -> Vec<Discrepancy> {
        let off = |row: usize| {
            self.offset(row)
                .filter(|offset| *offset != 0 && !self.told[row])
        };
        let runs = self.runs(off).into_iter();
        runs.map(|run| {
            let (start, end) = self.frames(&run);
            let offset = off(run.start).unwrap_or(0);
            let way = if offset > 0 { "later" } else { "earlier" };
            let message = format!(
                "{} the source's frame that is {} {way}",
                counted(end - start),
                offset.unsigned_abs()
            );
            let shown = start.saturating_add_signed(offset);
            Discrepancy::new(FRAMES_SHIFTED, message)
                .frames(start, end)
                .differs(format!("frame {start}"), format!("frame {shown}"))
        })
        .collect()
    }
}

/// "1 frame shows", "2 frames show"
fn counted(frames: u64) -> String {
    match frames {
        1 => "1 frame shows".to_owned(),
        frames => format!("{frames} frames show"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::tests::rows;

    /// What is told of a video of which frame `n` shows the source's frame `shows[n]`; a
    /// negative one is something else.
    fn told(shows: &[i64], source_frames: u64) -> Vec<(String, u64, u64)> {
        let rows = rows(shows.len() as u64, |_, _| 0);
        let shown = |(frame, shows): (i64, &i64)| match shows {
            0.. => Shown::At(shows - frame),
            _ => Shown::Other,
        };
        let path: Vec<Shown> = (0..).zip(shows).map(shown).collect();
        let found = differences(&rows, &path, shows.len() as u64, source_frames);
        let mut told: Vec<_> = found
            .into_iter()
            .map(|one| {
                let frames = one
                    .frames
                    .map_or((0, 0), |frames| (frames.start, frames.end));
                (one.code, frames.0, frames.1)
            })
            .collect();
        told.sort();
        told
    }

    /// What is shown, how long the source is, and what is told.
    type Case<'a> = (&'a [i64], u64, &'a [(&'a str, u64, u64)]);

    fn expect(expected: &[(&str, u64, u64)]) -> Vec<(String, u64, u64)> {
        expected
            .iter()
            .map(|(code, a, b)| ((*code).to_owned(), *a, *b))
            .collect()
    }

    #[test]
    fn each_defect_has_its_name() {
        let cases: &[Case<'_>] = &[
            (&[0, 1, 2, 3], 4, &[]),
            (
                &[0, 1, 3, 4],
                5,
                &[(FRAMES_SHIFTED, 2, 4), (FRAME_MISSING, 2, 3)],
            ),
            (
                &[0, 1, 1, 2, 3],
                4,
                &[(FRAMES_SHIFTED, 3, 5), (FRAME_DOUBLED, 2, 3)],
            ),
            (
                &[0, 1, 1, 3],
                4,
                &[(FRAME_DOUBLED, 2, 3), (FRAME_MISSING, 2, 3)],
            ),
            (&[0, 2, 1, 3], 4, &[(FRAMES_SWAPPED, 1, 3)]),
            (&[2, 1, 0, 3], 4, &[(FRAMES_SWAPPED, 0, 3)]),
            (&[0, 1, -1, -1, 4], 5, &[(FOREIGN_FRAMES, 2, 4)]),
            (&[0, 1, 2], 5, &[(FRAME_MISSING, 3, 5)]),
            (&[0, 1, 2, 0, 1, 2], 3, &[(FRAME_DOUBLED, 3, 6)]),
            (
                &[0, 1, 2, 2, 2, 2, 2, 2, 8, 9],
                10,
                &[(FROZEN_FRAMES, 3, 8)],
            ),
            (
                &[0, 3, 2, 3],
                4,
                &[(FRAME_DOUBLED, 1, 2), (FRAME_MISSING, 1, 2)],
            ),
            (&[], 0, &[]),
        ];
        for (shows, source_frames, expected) in cases {
            assert_eq!(told(shows, *source_frames), expect(expected), "{shows:?}");
        }
    }

    #[test]
    fn stretches_in_the_wrong_order_are_shifted() {
        let shows: Vec<i64> = (0..20).chain(40..60).chain(20..40).chain(60..80).collect();
        let expected = [(FRAMES_SHIFTED, 20, 40), (FRAMES_SHIFTED, 40, 60)];
        assert_eq!(told(&shows, 80), expect(&expected));
    }

    #[test]
    fn an_early_start_ends_with_a_doubled_frame() {
        let shows: Vec<i64> = (0..20).chain(21..41).chain(40..60).collect();
        let expected = [
            (FRAMES_SHIFTED, 20, 39),
            (FRAME_DOUBLED, 39, 40),
            (FRAME_MISSING, 20, 21),
        ];
        assert_eq!(told(&shows, 60), expect(&expected));
    }
}
