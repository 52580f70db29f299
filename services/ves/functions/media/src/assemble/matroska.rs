//! Matroska and WebM: the video's frames at the nearest millisecond of the frame table, the other
//! tracks as far from it as in the source.
//!
//! ffmpeg writes the file out of a helping MP4 whose clock ticks in milliseconds already, so that
//! nothing is left to round.

use std::fs;

use errors::Error;
use ves_api::function::{Progress, Tool, io};
use ves_api::recipe::Container;
use video::{Rational, TimeBase};

use crate::assemble::movie::write_tracks;
use crate::assemble::others::Others;
use crate::assemble::probe::{Sorted, Stream, first_us, other_streams};
use crate::assemble::video::Video;
use crate::assemble::{Assembled, Assembly, VIDEO, remove};
use crate::mp4::Timeline;

/// Name of the helping file below `output/`; it is removed before the function ends.
const FILE: &str = ".video.mp4";

/// Writes the video and the other tracks.
pub(super) fn mux(
    assembly: &Assembly<'_>,
    container: Container,
    progress: &mut Progress,
) -> Result<Assembled, Error> {
    let work = assembly.work;
    let others = match assembly.copy_other_tracks {
        true => other_streams(work, container)?,
        false => Sorted::default(),
    };
    let timeline = to_its_end(in_milliseconds(&assembly.timeline)?, &assembly.timeline);
    let video = Video::new(&assembly.recipe, &timeline, &assembly.chunks)?;
    let alone = Others::none(video.timing.timescale);
    write_tracks(work, FILE, &video, &assembly.chunks, alone, progress)?;
    let source = work.input("source");
    let starts = others
        .kept
        .iter()
        .map(|stream| first_us(&source, stream.index));
    let starts: Vec<Option<i64>> = starts.collect::<Result<_, _>>()?;
    let offset = offset_us(&starts, start_us(&assembly.timeline)?);
    let mut mux = Mux {
        assembly,
        container,
        others: &others.kept,
        offset,
        corrections: vec![0; starts.len()],
    };
    mux.command().run(|_| Ok(()))?;
    if mux.correct(&starts)? {
        mux.command().run(|_| Ok(()))?;
    }
    remove(work, FILE)?;
    let path = work.output(VIDEO);
    Ok(Assembled {
        bytes: fs::metadata(&path)
            .map_err(|e| io("reading", &path, &e))?
            .len(),
        other_tracks: others.kept.len() as u64,
        warnings: others.warnings,
    })
}

/// One run of ffmpeg.
struct Mux<'a> {
    assembly: &'a Assembly<'a>,
    container: Container,
    others: &'a [Stream],
    offset: Offset,
    /// By how many microseconds each of the others is moved, besides.
    corrections: Vec<i64>,
}

/// From times of the inputs to those of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Offset {
    /// Of the video: whole milliseconds, so that its frames stay at theirs.
    video_ms: i64,
    /// Of the source, in microseconds.
    source_us: i64,
}

impl Mux<'_> {
    fn command(&self) -> Tool {
        let work = self.assembly.work;
        let format = match self.container {
            Container::WebM => "webm",
            _ => "matroska",
        };
        let Offset {
            video_ms,
            source_us,
        } = self.offset;
        // `-copyts` leaves times as they are in either file but for the offset that is told.
        let tool = Tool::new("ffmpeg")
            .args(["-nostdin", "-hide_banner", "-loglevel", "error", "-y"])
            .args(["-protocol_whitelist", "file", "-copyts"])
            .args(["-itsoffset", &format!("{video_ms}ms"), "-i"])
            .arg(work.output(FILE));
        let tool = match self.others {
            [] => tool,
            _ => tool
                .args(["-itsoffset", &format!("{source_us}us"), "-i"])
                .arg(work.input("source")),
        };
        tool.args(["-map", "0:v:0"])
            .args(self.maps())
            .args(["-map_metadata", "-1", "-map_chapters", "-1", "-c", "copy"])
            .args(["-max_interleave_delta", "0", "-fflags", "+bitexact"])
            .args(["-flags", "+bitexact", "-f", format])
            .arg(work.output(VIDEO))
    }

    fn maps(&self) -> Vec<String> {
        let mut args = Vec::new();
        for (place, (stream, correction)) in (1..).zip(self.others.iter().zip(&self.corrections)) {
            args.extend(["-map".to_owned(), format!("1:{}", stream.index)]);
            if *correction != 0 {
                let filter = format!("setts=ts=TS+({correction}/1000000/TB)");
                args.extend([format!("-bsf:{place}"), filter]);
            }
        }
        args
    }

    /// Compares where each track begins with where it should. Versions of ffmpeg differ in whether
    /// they count the priming of Opus once or twice when they copy it.
    fn correct(&mut self, starts: &[Option<i64>]) -> Result<bool, Error> {
        const TICK_US: u64 = 1000;
        let path = self.assembly.work.output(VIDEO);
        for (place, start) in starts.iter().enumerate() {
            let found = first_us(&path, place as u32 + 1)?;
            let expected = start.map(|start| start.saturating_add(self.offset.source_us));
            if let Some((expected, found)) = expected.zip(found)
                && expected.abs_diff(found) > TICK_US
            {
                self.corrections[place] = expected - found;
            }
        }
        Ok(self.corrections.iter().any(|correction| *correction != 0))
    }
}

/// The frame table's times since its first, each at the nearest millisecond.
pub(crate) fn in_milliseconds(timeline: &Timeline) -> Result<Timeline, Error> {
    let base = timeline.time_base.as_rational();
    let ticks = base
        .checked_mul(Rational::whole(1000))
        .ok_or_else(too_fine)?;
    let (first, last) = (timeline.pts.first(), timeline.pts.last());
    let first = *first.ok_or_else(too_fine)?;
    let since = |pts: i64| {
        pts.checked_sub(first)
            .and_then(|since| ticks.round_mul(since))
    };
    let pts = timeline
        .pts
        .iter()
        .map(|pts| since(*pts).ok_or_else(too_fine));
    let pts: Vec<i64> = pts.collect::<Result<_, _>>()?;
    if pts.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(too_fine());
    }
    let end = last.and_then(|last| since(last.checked_add(timeline.last_duration)?));
    let last_duration = end
        .zip(pts.last())
        .map_or(1, |(end, last)| (end - last).max(1));
    Ok(Timeline {
        time_base: TimeBase::per_second(1000).ok_or_else(too_fine)?,
        pts,
        last_duration,
    })
}

fn too_fine() -> Error {
    let message = "frames are less than a millisecond apart, which Matroska cannot tell";
    Error::source("TIMESTAMPS", message)
        .at("recipe.container")
        .hint("use CONTAINER_MP4")
}

/// The same times, on a clock fine enough to last exactly as long as the source. From that, ffmpeg
/// tells the nominal frame rate.
fn to_its_end(rounded: Timeline, exact: &Timeline) -> Timeline {
    let finer = || {
        let base = exact.time_base.as_rational();
        let scale = lcm(1000, base.denominator())?;
        let ticks = base.checked_mul(Rational::whole(scale))?;
        let since_first = exact.pts.last()?.checked_sub(*exact.pts.first()?)?;
        let end = ticks.round_mul(since_first.checked_add(exact.last_duration)?)?;
        let pts: Vec<i64> = rounded
            .pts
            .iter()
            .map(|ms| ms.checked_mul(scale / 1000))
            .collect::<Option<_>>()?;
        Some(Timeline {
            time_base: TimeBase::per_second(scale)?,
            last_duration: (end - pts.last()?).max(1),
            pts,
        })
    };
    finer().unwrap_or(rounded)
}

/// The least common multiple, if it is a timescale that MP4 can hold.
fn lcm(a: i64, b: i64) -> Option<i64> {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    (a / x.max(1))
        .checked_mul(b)
        .filter(|lcm| (1..=i64::from(i32::MAX)).contains(lcm))
}

/// When the first frame is shown on the source's clock, in microseconds.
fn start_us(timeline: &Timeline) -> Result<i64, Error> {
    let ticks = timeline
        .time_base
        .as_rational()
        .checked_mul(Rational::whole(1_000_000));
    let first = timeline.pts.first().copied().unwrap_or(0);
    ticks
        .and_then(|ticks| ticks.round_mul(first))
        .ok_or_else(|| {
            Error::source(
                "TIMESTAMPS",
                "the source's timestamps are beyond all bounds",
            )
        })
}

/// Such that the video, which begins at `start_us` on the source's clock, stays as far from the
/// other tracks as there, and nothing begins before 0.
fn offset_us(others: &[Option<i64>], start_us: i64) -> Offset {
    let earliest = others.iter().flatten().copied().min().unwrap_or(start_us);
    let before = start_us.saturating_sub(earliest).max(0);
    let video_ms = before / 1000 + i64::from(before % 1000 > 0);
    Offset {
        video_ms,
        source_us: video_ms.saturating_mul(1000).saturating_sub(start_us),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::mp4::timing_tests::timeline;

    #[test]
    fn times_are_at_the_nearest_millisecond_since_the_first() {
        let exact = timeline((1001, 30_000), vec![5, 6, 7, 8, 11], 1);
        let rounded = in_milliseconds(&exact).unwrap();
        assert_eq!(rounded.pts, [0, 33, 67, 100, 200]);
        assert_eq!(rounded.last_duration, 34);
        assert_eq!(start_us(&exact).unwrap(), 166_833);
        let finer = to_its_end(rounded, &exact);
        assert_eq!(finer.pts, [0, 990, 2010, 3000, 6000]);
        assert_eq!(finer.last_duration, 7 * 1001 - 6000);
    }

    #[test]
    fn the_earliest_track_begins_at_the_first_millisecond() {
        let offset = |others: &[Option<i64>], start| {
            let offset = offset_us(others, start);
            (offset.video_ms, offset.source_us)
        };
        assert_eq!(offset(&[], 1_500_400), (0, -1_500_400));
        assert_eq!(offset(&[None, Some(40_000)], 20_000), (0, -20_000));
        assert_eq!(offset(&[Some(-21_333)], 0), (22, 22_000));
    }

    #[test]
    fn frames_that_would_share_a_millisecond_are_refused() {
        let error = in_milliseconds(&timeline((1, 4000), vec![0, 1], 1)).unwrap_err();
        assert_eq!(
            (error.code.as_str(), error.hint.is_some()),
            ("TIMESTAMPS", true)
        );
    }
}
