//! Is every frame shown when the frame table says, to the tick?

use errors::Error;
use video::Rational;

use ves_api::recipe::Container;

use crate::assemble::in_milliseconds;
use crate::mp4::Timeline;
use crate::validate::probe::Probed;

/// Missing, added, hidden and shifted frames. What counts is the distance from the first frame:
/// to the tick, or in Matroska, whose clock is coarser, exactly the nearest millisecond.
pub(crate) fn compare(
    probed: &Probed,
    timeline: &Timeline,
    container: Container,
) -> Result<Vec<Error>, Error> {
    Ok(match container {
        Container::Mp4 => exact(probed, timeline, true),
        Container::Mkv | Container::WebM => exact(probed, &in_milliseconds(timeline)?, false),
        Container::Elementary => counted(probed, timeline),
    })
}

fn exact(probed: &Probed, timeline: &Timeline, tells_end: bool) -> Vec<Error> {
    let mut found = counted(probed, timeline);
    if probed.pts.len() != timeline.pts.len() {
        return found;
    }
    match scale(probed, timeline) {
        Some(scale) => {
            found.extend(shifted(&probed.pts, &timeline.pts, scale));
            found.extend(wrong_end(probed, timeline, scale).filter(|_| tells_end));
        }
        None => found.push(Error::function(
            "WRONG_TIME_BASE",
            format!(
                "ticks of {} s cannot tell those of {} s",
                probed.video.time_base, timeline.time_base
            ),
        )),
    }
    found
}

fn counted(probed: &Probed, timeline: &Timeline) -> Vec<Error> {
    let expected = &timeline.pts;
    let mut found = Vec::new();
    if probed.hidden > 0 {
        let message = format!("{} frames are hidden", probed.hidden);
        found.push(Error::function("HIDDEN_FRAMES", message));
    }
    if probed.pts.len() != expected.len() {
        let (packets, frames) = (probed.pts.len(), expected.len());
        let message = format!("{packets} frames are in the file, but the source has {frames}");
        let range = (packets.min(frames) as u64, packets.max(frames) as u64);
        found.push(Error::function("FRAME_COUNT", message).frames(range.0, range.1));
    }
    found
}

/// Ticks of the file for one of the source.
fn scale(probed: &Probed, timeline: &Timeline) -> Option<i64> {
    let file: Rational = probed.video.time_base.parse().ok()?;
    let ratio = timeline.time_base.as_rational().checked_div(file)?;
    (ratio.denominator() == 1).then(|| ratio.numerator())
}

/// One discrepancy for each run of frames that are shown at other times.
fn shifted(found: &[i64], expected: &[i64], scale: i64) -> Vec<Error> {
    let since_first = |times: &[i64], i: usize| i128::from(times[i]) - i128::from(times[0]);
    let wrong: Vec<usize> = (0..expected.len())
        .filter(|i| since_first(found, *i) != since_first(expected, *i) * i128::from(scale))
        .collect();
    let runs = wrong.chunk_by(|a, b| a + 1 == *b);
    runs.map(|run| {
        let (start, end) = (run[0] as u64, run[run.len() - 1] as u64 + 1);
        let message = "these frames are not shown when they are in the source";
        Error::function("TIMESTAMPS", message).frames(start, end)
    })
    .collect()
}

fn wrong_end(probed: &Probed, timeline: &Timeline, scale: i64) -> Option<Error> {
    let (first, last) = (timeline.pts.first()?, timeline.pts.last()?);
    let ticks = i128::from(last - first + timeline.last_duration) * i128::from(scale);
    let found = i128::from(probed.video.duration_ts);
    (found != ticks).then(|| {
        let message = format!("the video lasts {found} ticks, but the source's {ticks}");
        Error::function("DURATION", message)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::mp4::timing_tests::timeline;
    use crate::validate::probe::Stream;

    fn probed(pts: &[i64], duration_ts: i64) -> Probed {
        let video = Stream {
            time_base: "1/30000".into(),
            duration_ts,
            ..Stream::default()
        };
        Probed {
            video,
            others: 0,
            pts: pts.to_vec(),
            hidden: 0,
        }
    }

    fn codes(probed: &Probed) -> Vec<(String, Option<(u64, u64)>)> {
        let timeline = timeline((1001, 30_000), vec![10, 11, 12, 14, 15], 1);
        let found = compare(probed, &timeline, Container::Mp4).unwrap();
        let range = |e: &Error| e.frames.map(|frames| (frames.start, frames.end));
        found.iter().map(|e| (e.code.clone(), range(e))).collect()
    }

    #[test]
    fn frames_may_begin_elsewhere_but_not_drift() {
        assert_eq!(codes(&probed(&[0, 1001, 2002, 4004, 5005], 6006)), []);
        let shifted = codes(&probed(&[0, 1001, 2003, 4005, 5005], 6006));
        assert_eq!(shifted, [("TIMESTAMPS".to_owned(), Some((2, 4)))]);
    }

    #[test]
    fn matroska_tells_the_nearest_millisecond_exactly() {
        let timeline = timeline((1001, 30_000), vec![10, 11, 12, 14, 15], 1);
        let wrong = |pts: &[i64]| {
            let mut probed = probed(pts, 0);
            probed.video.time_base = "1/1000".into();
            compare(&probed, &timeline, Container::Mkv).unwrap().len()
        };
        assert_eq!(wrong(&[7, 40, 74, 140, 174]), 0);
        assert_eq!(wrong(&[7, 40, 73, 140, 174]), 1);
        assert_eq!(wrong(&[7, 40, 74, 140]), 1);
    }

    #[test]
    fn missing_frames_and_wrong_ends_are_told() {
        let missing = codes(&probed(&[0, 1001], 2002));
        assert_eq!(missing, [("FRAME_COUNT".to_owned(), Some((2, 5)))]);
        let short = codes(&probed(&[0, 1001, 2002, 4004, 5005], 5005));
        assert_eq!(short, [("DURATION".to_owned(), None)]);
    }
}
