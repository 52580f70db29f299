//! Is every frame shown when the frame table says, to the tick?

use stratum_frames::FrameTable;
use video::Rational;
use vvs_api::report::{Discrepancy, WRONG_DURATION, WRONG_TIMESTAMPS};

use crate::media::{Packets, Stream};
use crate::plan::{Found, Reason};
use crate::times::Times;

/// When frames should be shown.
struct Expected {
    /// Ticks of the file for one of the table.
    scale: Rational,
    pts: Vec<i64>,
    last_duration: i64,
}

/// Shifted frames, and a wrong end. What counts is the distance from the first frame.
pub(super) fn compare(
    track: &Stream,
    packets: &Packets,
    times: &Times,
    table: &FrameTable,
) -> Vec<Found> {
    let Some(expected) = expected(track, table) else {
        let message = format!(
            "the times of the file are in ticks of {} s",
            track.time_base
        );
        return vec![Discrepancy::new(WRONG_TIMESTAMPS, message).into()];
    };
    differences(
        times.as_slice(),
        end(track, packets, times.as_slice()),
        &expected,
    )
}

fn differences(found: &[i64], end: Option<End>, expected: &Expected) -> Vec<Found> {
    let mut told = shifted(found, expected);
    told.extend(count(found, expected, &told));
    told.extend(wrong_end(end, expected, found.len()));
    told
}

fn expected(track: &Stream, table: &FrameTable) -> Option<Expected> {
    let file: Rational = track.time_base.parse().ok()?;
    let file = Some(file).filter(|base| base.is_positive())?;
    let last = table.len().checked_sub(1);
    Some(Expected {
        scale: table
            .source()
            .format
            .time_base
            .as_rational()
            .checked_div(file)?,
        pts: table.range(0, table.len()).map(|frame| frame.pts).collect(),
        last_duration: last.and_then(|last| table.duration(last)).unwrap_or(1),
    })
}

impl Expected {
    /// Whether `found` ticks of the file are `ticks` of the table. Where the file's ticks cannot
    /// tell the table's, both ends of a distance are rounded.
    fn is(&self, found: i128, ticks: i128) -> bool {
        let (numerator, denominator) = self.fraction();
        let off = (found * denominator - ticks * numerator).abs();
        match denominator {
            1 => off == 0,
            denominator => off <= denominator,
        }
    }

    fn in_file(&self, ticks: i128) -> i128 {
        let (numerator, denominator) = self.fraction();
        (ticks * numerator + denominator / 2).div_euclid(denominator)
    }

    fn fraction(&self) -> (i128, i128) {
        (
            self.scale.numerator().into(),
            self.scale.denominator().into(),
        )
    }

    fn since_first(&self, frame: usize) -> i128 {
        i128::from(self.pts[frame]) - i128::from(self.pts[0])
    }

    /// How many places later the source's frames are that are shown at these frames' times.
    fn offset(&self, run: &[usize], found: impl Fn(usize) -> i128) -> Option<i64> {
        let first = *run.first()?;
        let is_earlier = |at: &i64| {
            let ticks = i128::from(*at) - i128::from(self.pts[0]);
            !self.is(found(first), ticks) && self.in_file(ticks) < found(first)
        };
        let offset = self.pts.partition_point(is_earlier) as i64 - first as i64;
        let is_there = |frame: &usize| {
            let other = frame.checked_add_signed(offset as isize);
            let other = other.filter(|other| *other < self.pts.len());
            other.is_some_and(|other| self.is(found(*frame), self.since_first(other)))
        };
        run.iter().all(is_there).then_some(offset)
    }

    /// When a video of the first so many frames ends; more of them last as long as the last one.
    fn end_of(&self, frames: usize) -> i128 {
        match frames.checked_sub(self.pts.len()) {
            None => self.since_first(frames),
            Some(more) => {
                let last = self.pts.len().saturating_sub(1);
                self.since_first(last) + (more as i128 + 1) * i128::from(self.last_duration)
            }
        }
    }
}

/// One discrepancy for each run of frames that are shown at other times.
fn shifted(found: &[i64], expected: &Expected) -> Vec<Found> {
    let since_first = |frame: usize| i128::from(found[frame]) - i128::from(found[0]);
    let both = found.len().min(expected.pts.len());
    let is_wrong = |frame: &usize| !expected.is(since_first(*frame), expected.since_first(*frame));
    let wrong: Vec<usize> = (0..both).filter(is_wrong).collect();
    let runs = wrong.chunk_by(|a, b| a + 1 == *b);
    runs.map(|run| {
        let (first, end) = (run[0], run[run.len() - 1] + 1);
        let message = match run.len() {
            1 => "a frame is not shown when it is in the source".to_owned(),
            frames => format!("{frames} frames are not shown when they are in the source"),
        };
        let should = expected.in_file(expected.since_first(first));
        let told = Discrepancy::new(WRONG_TIMESTAMPS, message)
            .frames(first as u64, end as u64)
            .differs(
                format!("{should} ticks after the first frame"),
                format!("{} ticks", since_first(first)),
            );
        Found::with(told, expected.offset(run, since_first).map(Reason::Offset))
    })
    .collect()
}

/// Times that are too many or too few; a run of wrong times up to the end says it already.
fn count(found: &[i64], expected: &Expected, told: &[Found]) -> Option<Found> {
    let (have, want) = (found.len() as u64, expected.pts.len() as u64);
    let last = told.last().and_then(|last| last.discrepancy.frames);
    let start = match last {
        Some(run) if run.end == have.min(want) => run.start,
        _ => have.min(want),
    };
    (have != want).then(|| {
        let message = format!("{have} frames have times, but the source has {want}");
        let told = Discrepancy::new(WRONG_TIMESTAMPS, message)
            .frames(start, have.max(want))
            .differs(want, have);
        Found::with(told, Some(Reason::Length))
    })
}

/// Where the last frame ends, in ticks from the first frame, as far as the file says.
#[derive(Clone, Copy, Debug, Default)]
struct End {
    by_track: Option<i64>,
    by_packet: Option<i64>,
    /// Ticks of a millisecond: an edit list may say it no finer.
    coarse: i64,
}

fn end(track: &Stream, packets: &Packets, found: &[i64]) -> Option<End> {
    let (first, last) = (found.first()?, found.last()?);
    let packet = packets
        .packets
        .iter()
        .find(|packet| packet.pts == Some(*last));
    let packet = packet.filter(|packet| packet.duration > 0);
    let base: Option<Rational> = track.time_base.parse().ok();
    let ticks = base
        .and_then(Rational::inverse)
        .map_or(0, |rate| rate.approximate() as i64 / 1000);
    Some(End {
        by_track: Some(track.duration_ts).filter(|ticks| *ticks > 0),
        by_packet: packet.map(|packet| last - first + packet.duration),
        coarse: ticks + 1,
    })
}

impl End {
    /// What the file says wrongly. The track counts; where it is rounded, the packet.
    fn wrong(self, expected: &Expected, ticks: i128) -> Option<i64> {
        let is = |found: i64| expected.is(found.into(), ticks);
        let is_near = |found: i64| {
            let off = i128::from(found) - expected.in_file(ticks);
            off.abs() <= i128::from(self.coarse)
        };
        match (self.by_track, self.by_packet) {
            (Some(track), _) if is(track) => None,
            (Some(track), Some(packet)) if is_near(track) && is(packet) => None,
            (Some(track), _) => Some(track),
            (None, Some(packet)) => Some(packet).filter(|packet| !is(*packet)),
            (None, None) => None,
        }
    }
}

fn wrong_end(end: Option<End>, expected: &Expected, frames: usize) -> Option<Found> {
    let end = end?;
    let ticks = expected.end_of(expected.pts.len());
    let found = end.wrong(expected, ticks)?;
    let should = expected.in_file(ticks);
    let message = format!("the video lasts {found} ticks instead of {should}");
    let told = Discrepancy::new(WRONG_DURATION, message).differs(should, found);
    let by_length = end.wrong(expected, expected.end_of(frames)).is_none();
    Some(Found::with(told, by_length.then_some(Reason::Length)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn expected(scale: (i64, i64)) -> Expected {
        Expected {
            scale: Rational::new(scale.0, scale.1).unwrap(),
            pts: vec![10, 11, 12, 14, 15],
            last_duration: 1,
        }
    }

    fn told(found: &[i64], end: i64) -> Vec<(String, Option<(u64, u64)>)> {
        told_by(found, end, &expected((1001, 1)))
    }

    fn told_by(found: &[i64], end: i64, expected: &Expected) -> Vec<(String, Option<(u64, u64)>)> {
        let told = differences(found, ends(Some(end), None), expected);
        let told = told.into_iter().map(|one| one.discrepancy);
        told.map(|one| {
            (
                one.code,
                one.frames.map(|frames| (frames.start, frames.end)),
            )
        })
        .collect()
    }

    fn reasons(found: &[i64], end: i64) -> Vec<Option<Reason>> {
        let told = differences(found, ends(Some(end), None), &expected((1001, 1)));
        told.into_iter().map(|one| one.reason).collect()
    }

    #[test]
    fn a_video_of_fewer_or_more_frames_has_its_own_end() {
        let length = Some(Reason::Length);
        assert_eq!(reasons(&[0, 1001], 2002), [length, length]);
        assert_eq!(reasons(&[0, 1001], 2003), [length, None]);
        let more = [0, 1001, 2002, 4004, 5005, 6006];
        assert_eq!(reasons(&more, 7007), [length, length]);
    }

    #[test]
    fn times_of_frames_further_on_are_recognised() {
        let later = Some(Reason::Offset(1));
        assert_eq!(
            reasons(&[0, 2002, 4004, 5005], 6006),
            [later, Some(Reason::Length)]
        );
        assert_eq!(reasons(&[0, 1001, 2003, 4005, 5005], 6006), [None]);
    }

    fn ends(by_track: Option<i64>, by_packet: Option<i64>) -> Option<End> {
        Some(End {
            by_track,
            by_packet,
            coarse: 30,
        })
    }

    #[test]
    fn a_rounded_end_is_right_if_the_packet_is() {
        let expected = expected((1001, 1));
        let wrong = |track, packet| wrong_end(ends(track, packet), &expected, 5).is_some();
        assert!(!wrong(Some(6006), Some(7)));
        assert!(!wrong(Some(6020), Some(6006)));
        assert!(wrong(Some(6020), Some(6020)));
        assert!(wrong(Some(6020), None));
        assert!(wrong(Some(6060), Some(6006)));
        assert!(wrong(None, Some(6007)));
        assert!(!wrong(None, None));
    }

    fn wrong(start: u64, end: u64) -> (String, Option<(u64, u64)>) {
        (WRONG_TIMESTAMPS.to_owned(), Some((start, end)))
    }

    #[test]
    fn frames_may_begin_elsewhere_but_not_drift() {
        assert_eq!(told(&[0, 1001, 2002, 4004, 5005], 6006), []);
        assert_eq!(told(&[7, 1008, 2009, 4011, 5012], 6006), []);
        assert_eq!(told(&[0, 1001, 2003, 4005, 5005], 6006), [wrong(2, 4)]);
    }

    #[test]
    fn missing_frames_and_wrong_ends_are_told() {
        let end = (WRONG_DURATION.to_owned(), None);
        assert_eq!(told(&[0, 1001], 2002), [wrong(2, 5), end.clone()]);
        assert_eq!(
            told(&[0, 1001, 4004, 5005], 6006),
            [wrong(2, 4), wrong(2, 5)]
        );
        assert_eq!(told(&[0, 1001, 2002, 4004, 5005], 5005), [end]);
    }

    #[test]
    fn coarse_ticks_may_round_but_no_more() {
        // 1/30 s in milliseconds.
        let coarse = expected((100, 3));
        assert_eq!(told_by(&[333, 367, 400, 467, 500], 200, &coarse), []);
        assert_eq!(told_by(&[333, 366, 400, 467, 500], 200, &coarse), []);
        assert_eq!(
            told_by(&[333, 369, 400, 467, 500], 200, &coarse),
            [wrong(1, 2)]
        );
    }
}
