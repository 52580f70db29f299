//! What follows from what: behind a missing frame all others are shifted, the video is shorter, and
//! its times are too few. Such consequences are told below their cause.
//!
//! Only what can be accounted for to the frame is a consequence. A shift, a length or a time that
//! the missing, doubled and foreign frames do not add up to has another cause, and stays.

use errors::FrameRange;
use vvs_api::report::{
    BLACK_FRAMES, Discrepancy, FOREIGN_FRAMES, FRAME_DOUBLED, FRAME_MISSING, FRAMES_SHIFTED,
    FROZEN_FRAMES, HIDDEN_FRAMES, UNCLEAN_DECODE, WRONG_FRAME_COUNT,
};

use crate::inspect::Row;
use crate::limits::CONSEQUENCES;
use crate::plan::{Found, Reason};
use crate::verdict::path::Shown;

/// What is known of the frames.
pub(super) struct Evidence<'a> {
    pub(super) rows: &'a [Row],
    /// Empty without a source.
    pub(super) path: &'a [Shown],
    /// That the video has, with those that did not decode.
    pub(super) frames: u64,
    /// That the header announces.
    pub(super) announced: Option<u64>,
    /// That are expected.
    pub(super) frame_count: Option<u64>,
    pub(super) source_frames: Option<u64>,
}

/// Puts what follows from something below it.
pub(super) fn fold(found: Vec<Found>, evidence: &Evidence<'_>) -> Vec<Discrepancy> {
    let causes = Causes::of(&found, evidence);
    let parents: Vec<Option<usize>> = (0..found.len())
        .map(|at| causes.root(at).filter(|root| *root != at))
        .collect();
    let mut told: Vec<Discrepancy> = found.into_iter().map(|one| one.discrepancy).collect();
    for (at, parent) in parents.iter().enumerate() {
        if let Some(parent) = parent
            && told[*parent].consequences.len() < CONSEQUENCES
        {
            let consequence = told[at].clone();
            told[*parent].consequences.push(consequence);
        }
    }
    let roots = told.into_iter().zip(parents);
    roots
        .filter_map(|(one, parent)| parent.is_none().then_some(one))
        .collect()
}

/// What can explain something else.
struct Causes<'a> {
    found: &'a [Found],
    evidence: &'a Evidence<'a>,
    /// Of the source, ascending.
    missing: Account,
    /// Of the video, ascending: doubled, and inserted from elsewhere.
    inserted: Account,
    unclean: Vec<(FrameRange, usize)>,
}

/// Ranges in order, with how many frames they come to.
#[derive(Default)]
struct Account(Vec<Entry>);

struct Entry {
    range: FrameRange,
    /// Frames of this range and of all before it that count.
    sum: i64,
    /// Its place among what was found.
    index: usize,
}

impl Account {
    fn of(mut ranges: Vec<(FrameRange, i64, usize)>) -> Self {
        ranges.sort_by_key(|(range, _, _)| range.start);
        let mut sum = 0;
        let entry = |(range, frames, index)| {
            sum += frames;
            Entry { range, sum, index }
        };
        Self(ranges.into_iter().map(entry).collect())
    }

    /// The last range that ends at or before a frame.
    fn before(&self, frame: i64) -> Option<&Entry> {
        let end = |entry: &Entry| entry.range.end as i64 <= frame;
        let after = self.0.partition_point(end);
        after.checked_sub(1).map(|last| &self.0[last])
    }

    fn sum_before(&self, frame: i64) -> i64 {
        self.before(frame).map_or(0, |entry| entry.sum)
    }

    fn sum(&self) -> i64 {
        self.0.last().map_or(0, |entry| entry.sum)
    }
}

impl<'a> Causes<'a> {
    fn of(found: &'a [Found], evidence: &'a Evidence<'a>) -> Self {
        let ranges = |codes: &[&str]| -> Vec<(FrameRange, usize)> {
            let all = found.iter().enumerate();
            all.filter(|(_, one)| codes.contains(&one.discrepancy.code.as_str()))
                .filter_map(|(index, one)| Some((one.discrepancy.frames?, index)))
                .collect()
        };
        let whole = |(range, index): (FrameRange, usize)| (range, length(range), index);
        let inserted = |(range, index)| (range, evidence.inserted(range), index);
        let doubled = ranges(&[FRAME_DOUBLED]).into_iter().map(whole);
        let foreign = ranges(&[FOREIGN_FRAMES, BLACK_FRAMES, FROZEN_FRAMES]);
        let foreign = foreign.into_iter().map(inserted);
        Self {
            found,
            evidence,
            missing: Account::of(ranges(&[FRAME_MISSING]).into_iter().map(whole).collect()),
            inserted: Account::of(doubled.chain(foreign).collect()),
            unclean: ranges(&[UNCLEAN_DECODE]),
        }
    }

    /// What a discrepancy goes back to in the end; `None` where that is itself.
    fn root(&self, at: usize) -> Option<usize> {
        let parent = self.parent(at)?;
        Some(self.root(parent).unwrap_or(parent))
    }

    fn parent(&self, at: usize) -> Option<usize> {
        let Found {
            discrepancy: one,
            reason,
        } = &self.found[at];
        match (one.code.as_str(), reason) {
            (FRAMES_SHIFTED, _) => self.of_shift(one.frames?),
            (WRONG_FRAME_COUNT, _) => self.of_count(),
            (_, Some(Reason::Length)) => self.of_length(),
            (_, Some(Reason::Offset(offset))) => self.of_times(one.frames?, *offset),
            (FRAME_MISSING, _) => self.of_missing(one.frames?),
            (FOREIGN_FRAMES | FROZEN_FRAMES | FRAME_DOUBLED, _) => self.damage(one.frames?),
            _ => None,
        }
    }

    /// The last cause before a shift by as much as all causes before it come to.
    fn of_shift(&self, frames: FrameRange) -> Option<usize> {
        let start = frames.start as i64;
        let offset = self.evidence.offset(frames.start)?;
        let sum = self.missing.sum_before(start + offset) - self.inserted.sum_before(start);
        if sum != offset {
            return None;
        }
        let missing = self.missing.before(start + offset);
        let missing = missing.map(|entry| (entry.range.end as i64 - offset, entry.index));
        let inserted = self.inserted.before(start);
        let inserted = inserted.map(|entry| (entry.range.end as i64, entry.index));
        missing.into_iter().chain(inserted).max().map(|last| last.1)
    }

    /// Times that are those of the frames that are shown.
    fn of_times(&self, frames: FrameRange, offset: i64) -> Option<usize> {
        let rows = self.evidence.rows_of(frames);
        let mut path = self.evidence.path.get(rows)?.iter();
        let is_there = |shown: &Shown| *shown == Shown::At(offset);
        path.all(is_there).then(|| self.of_shift(frames))?
    }

    /// A length that the frames that are missing and those that are too many come to.
    fn of_length(&self) -> Option<usize> {
        let short = self.evidence.source_frames? as i64 - self.evidence.frames as i64;
        (short == self.missing.sum() - self.inserted.sum()).then(|| self.first())?
    }

    /// The same of frames that were decoded.
    fn of_count(&self) -> Option<usize> {
        let short = self.evidence.frame_count? as i64 - self.evidence.rows.len() as i64;
        let explained = self.missing.sum() - self.inserted.sum() + self.evidence.undecoded();
        (short == explained).then(|| self.first())?
    }

    /// The first cause of a wrong length.
    fn first(&self) -> Option<usize> {
        let all = self.missing.0.iter().chain(&self.inserted.0);
        let first = all.min_by_key(|entry| entry.range.start);
        let unclean = self.unclean.first().map(|(_, index)| *index);
        first.map(|entry| entry.index).or(unclean)
    }

    /// What took the place of a missing frame, or kept it from being decoded or shown.
    fn of_missing(&self, frames: FrameRange) -> Option<usize> {
        let instead = self.inserted.0.iter().find(|entry| entry.range == frames);
        let instead = instead.map(|entry| entry.index);
        instead
            .or_else(|| self.damage(frames))
            .or_else(|| self.hidden())
    }

    fn damage(&self, frames: FrameRange) -> Option<usize> {
        let holds = |range: FrameRange| range.start <= frames.start && frames.end <= range.end;
        let around = self.unclean.iter().find(|(range, _)| holds(*range));
        around.map(|(_, index)| *index)
    }

    /// Frames that are in the file and not shown, if they are as many as are missing.
    fn hidden(&self) -> Option<usize> {
        let is_hidden = |one: &Found| one.discrepancy.code == HIDDEN_FRAMES;
        let at = self.found.iter().position(is_hidden)?;
        let hidden: i64 = self.found[at].discrepancy.found.parse().ok()?;
        (hidden == self.missing.sum()).then_some(at)
    }
}

fn length(range: FrameRange) -> i64 {
    range.end.saturating_sub(range.start) as i64
}

impl Evidence<'_> {
    /// The row of a frame, or of the first after it.
    fn row(&self, frame: u64) -> usize {
        self.rows.partition_point(|row| row.frame < frame)
    }

    fn rows_of(&self, frames: FrameRange) -> std::ops::Range<usize> {
        self.row(frames.start)..self.row(frames.end)
    }

    fn offset(&self, frame: u64) -> Option<i64> {
        match self.path.get(self.row(frame))? {
            Shown::At(offset) => Some(*offset),
            Shown::Other => None,
        }
    }

    /// How many of the frames from elsewhere stand between the source's, instead of in their place.
    fn inserted(&self, frames: FrameRange) -> i64 {
        let rows = self.rows_of(frames);
        let before = rows.start.checked_sub(1).and_then(|row| self.path.get(row));
        let before = match before {
            Some(Shown::At(offset)) => *offset,
            _ => 0,
        };
        let after = match self.path.get(rows.end) {
            Some(Shown::At(offset)) => *offset,
            Some(Shown::Other) => before,
            // The source ends before it.
            None => {
                let source = self.source_frames.unwrap_or(frames.end) as i64;
                before.min(source - frames.end as i64)
            }
        };
        (before - after).clamp(0, length(frames))
    }

    /// Frames of the video that did not come out of the decoder; without a source also those that
    /// the header announces.
    fn undecoded(&self) -> i64 {
        let announced = self.announced.filter(|_| self.path.is_empty());
        let frames = self.frames.max(announced.unwrap_or(0));
        frames as i64 - self.rows.len() as i64
    }
}

#[cfg(test)]
mod tests {
    use vvs_api::report::{QUALITY_STEP, WRONG_DURATION, WRONG_TIMESTAMPS};

    use super::*;
    use crate::verdict::name::differences;
    use crate::verdict::tests::rows;

    /// A cause, and the codes below it.
    type Told = (String, Vec<String>);

    /// What is told of a video of which frame `n` shows the source's frame `shows[n]`, and a
    /// negative one is something else, and of what else was found.
    fn told(shows: &[i64], source_frames: u64, mut found: Vec<Found>) -> Vec<Told> {
        let rows = rows(shows.len() as u64, |_, _| 0);
        let shown = |(frame, shows): (i64, &i64)| match shows {
            0.. => Shown::At(shows - frame),
            _ => Shown::Other,
        };
        let path: Vec<Shown> = (0..).zip(shows).map(shown).collect();
        let frames = shows.len() as u64;
        let all = differences(&rows, &path, frames, source_frames);
        found.extend(all.into_iter().map(Found::from));
        let count = super::super::decode::count(frames, source_frames);
        found.extend(count.map(Found::from));
        let evidence = Evidence {
            rows: &rows,
            path: &path,
            frames,
            announced: None,
            frame_count: Some(source_frames),
            source_frames: Some(source_frames),
        };
        let code = |one: Discrepancy| one.code;
        let pair = |one: Discrepancy| {
            let below = one.consequences.into_iter().map(code).collect();
            (one.code, below)
        };
        fold(found, &evidence).into_iter().map(pair).collect()
    }

    fn expect(expected: &[(&str, &[&str])]) -> Vec<Told> {
        let owned = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect();
        expected
            .iter()
            .map(|(code, below)| ((*code).to_owned(), owned(below)))
            .collect()
    }

    fn with(code: &str, reason: Option<Reason>, frames: Option<(u64, u64)>) -> Found {
        let one = Discrepancy::new(code, "");
        let discrepancy = match frames {
            Some((start, end)) => one.frames(start, end),
            None => one,
        };
        Found {
            discrepancy,
            reason,
        }
    }

    #[test]
    fn one_dropped_frame_is_one_difference() {
        let length = Some(Reason::Length);
        let found = vec![
            with(WRONG_TIMESTAMPS, length, Some((4, 5))),
            with(WRONG_DURATION, length, None),
        ];
        let below: &[&str] = &[
            WRONG_TIMESTAMPS,
            WRONG_DURATION,
            FRAMES_SHIFTED,
            WRONG_FRAME_COUNT,
        ];
        let expected = expect(&[(FRAME_MISSING, below)]);
        assert_eq!(told(&[0, 1, 3, 4], 5, found), expected);
    }

    #[test]
    fn a_gap_in_time_is_explained_by_what_it_shows() {
        let shift = with(WRONG_TIMESTAMPS, Some(Reason::Offset(1)), Some((2, 4)));
        let below: &[&str] = &[WRONG_TIMESTAMPS, FRAMES_SHIFTED, WRONG_FRAME_COUNT];
        let expected = expect(&[(FRAME_MISSING, below)]);
        assert_eq!(told(&[0, 1, 3, 4], 5, vec![shift]), expected);
    }

    #[test]
    fn each_shift_goes_back_to_the_cause_before_it() {
        let shows = [0, 2, 3, 3, 4, 5, 7, 8];
        let expected = expect(&[
            (FRAME_DOUBLED, &[]),
            (FRAME_MISSING, &[FRAMES_SHIFTED, WRONG_FRAME_COUNT]),
            (FRAME_MISSING, &[FRAMES_SHIFTED]),
        ]);
        assert_eq!(told(&shows, 9, vec![]), expected);
    }

    #[test]
    fn foreign_frames_between_others_shift_what_follows() {
        let expected = expect(&[(FOREIGN_FRAMES, &[FRAMES_SHIFTED, WRONG_FRAME_COUNT])]);
        assert_eq!(told(&[0, 1, -1, -1, 2, 3], 4, vec![]), expected);
        let expected = expect(&[(FOREIGN_FRAMES, &[WRONG_FRAME_COUNT])]);
        assert_eq!(told(&[0, 1, 2, 3, -1, -1], 4, vec![]), expected);
        let expected = expect(&[(FOREIGN_FRAMES, &[])]);
        assert_eq!(told(&[0, 1, -1, -1], 4, vec![]), expected);
    }

    #[test]
    fn what_does_not_add_up_stays() {
        // The order is wrong, and nothing is missing that could explain it.
        let shows: Vec<i64> = (0..20).chain(40..60).chain(20..40).collect();
        let expected = expect(&[(FRAMES_SHIFTED, &[]), (FRAMES_SHIFTED, &[])]);
        assert_eq!(told(&shows, 60, vec![]), expected);
        // Times are wrong by something else, and quality is a matter of its own.
        let found = vec![
            with(WRONG_TIMESTAMPS, None, Some((1, 2))),
            with(WRONG_TIMESTAMPS, Some(Reason::Offset(7)), Some((3, 4))),
            with(WRONG_DURATION, None, None),
            with(QUALITY_STEP, None, Some((2, 4))),
        ];
        let expected = expect(&[
            (WRONG_TIMESTAMPS, &[]),
            (WRONG_TIMESTAMPS, &[]),
            (WRONG_DURATION, &[]),
            (QUALITY_STEP, &[]),
            (FRAME_MISSING, &[FRAMES_SHIFTED, WRONG_FRAME_COUNT]),
        ]);
        assert_eq!(told(&[0, 1, 3, 4], 5, found), expected);
    }

    #[test]
    fn what_damage_cost_is_told_below_it() {
        let damage = with(UNCLEAN_DECODE, None, Some((2, 5)));
        let expected = expect(&[(UNCLEAN_DECODE, &[FRAME_MISSING, WRONG_FRAME_COUNT])]);
        assert_eq!(told(&[0, 1, 2], 5, vec![damage]), expected);
        let elsewhere = with(UNCLEAN_DECODE, None, Some((0, 1)));
        let expected = expect(&[(UNCLEAN_DECODE, &[]), (FRAME_MISSING, &[WRONG_FRAME_COUNT])]);
        assert_eq!(told(&[0, 1, 2], 5, vec![elsewhere]), expected);
    }

    #[test]
    fn another_number_than_the_sources_is_a_matter_of_its_own() {
        let rows = rows(4, |_, _| 0);
        let path = [Shown::At(0), Shown::At(0), Shown::At(1), Shown::At(1)];
        let evidence = Evidence {
            rows: &rows,
            path: &path,
            frames: 4,
            announced: None,
            frame_count: Some(9),
            source_frames: Some(5),
        };
        let found = vec![
            with(FRAME_MISSING, None, Some((2, 3))),
            with(WRONG_FRAME_COUNT, None, Some((4, 9))),
        ];
        assert_eq!(fold(found, &evidence).len(), 2);
    }
}
