//! What the index is made of: when frames are shown and decoded, and where they are.

use std::ops::Range;

use blob::BlobRef;
use errors::Error;
use ves_api::function::{Framing, Track, Units};
use ves_media::{Timeline, decode_times};
use video::VideoFormat;

use crate::limits::MAX_REORDER;

/// What is true of the whole video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its time base is that of all times of the index.
    pub format: VideoFormat,
    pub frames: u64,
    pub chunks: u64,
    /// Ticks by which the first unit is decoded before the first frame is shown.
    pub lead: u64,
    /// Of every chunk alike.
    pub track: Track,
}

/// Where some frames of a chunk are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkPart {
    /// Of the chunk, from 0.
    pub index: u64,
    /// The chunk's coded bytes.
    pub blob: BlobRef,
    /// In decoding order.
    pub units: Vec<AccessUnit>,
    /// Whether the chunk has no more parts.
    pub is_last: bool,
}

/// The coded bytes of one frame; times are in ticks from when the first frame is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessUnit {
    /// Its place in presentation order, in the whole video.
    pub frame: u64,
    /// Where its bytes begin in those of the chunk.
    pub offset: u64,
    pub size: u64,
    /// Whether decoding can start here.
    pub random_access: bool,
    pub pts: i64,
    pub dts: i64,
    pub duration: u64,
    /// Until the next unit of the video is decoded.
    pub decode_duration: u64,
}

/// When each frame is shown, and when the unit at each place in decoding order is decoded, in ticks
/// from when the first frame is shown.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    shown: Vec<i64>,
    decoded: Vec<i64>,
    last_duration: i64,
}

impl Times {
    /// By a frame table, for units that are divided so. Of open bitstream units and those of VP9, which
    /// are shown in the order in which they are decoded, none is early.
    pub(crate) fn of(timeline: Timeline, framing: Framing) -> Result<Self, Error> {
        let first = timeline.pts.first().copied().unwrap_or(0);
        let since = |pts: &i64| pts.checked_sub(first).ok_or_else(beyond);
        let shown: Vec<i64> = timeline.pts.iter().map(since).collect::<Result<_, _>>()?;
        let timeline = Timeline {
            pts: shown,
            ..timeline
        };
        let depth = depth(framing);
        Ok(Self {
            decoded: decode_times(&timeline, depth)?,
            shown: timeline.pts,
            last_duration: timeline.last_duration,
        })
    }

    pub(crate) fn frames(&self) -> u64 {
        self.shown.len() as u64
    }

    /// See [`Head::lead`].
    pub(crate) fn lead(&self) -> u64 {
        self.decoded.first().map_or(0, |first| first.unsigned_abs())
    }

    /// From what is at this place to what comes after it.
    fn step(&self, times: &[i64], place: usize) -> u64 {
        let step = times.get(place + 1).zip(times.get(place));
        let step = step.map_or(self.last_duration, |(next, here)| next - here);
        u64::try_from(step).unwrap_or(0)
    }
}

/// By how many places a unit may be decoded early.
fn depth(framing: Framing) -> u64 {
    match framing {
        Framing::AnnexB => MAX_REORDER,
        Framing::Obu | Framing::Whole => 0,
    }
}

/// The units of a chunk of these frames.
///
/// # Errors
/// When they are not each of these frames once, beginning where decoding can start, or are decoded
/// earlier than the standards allow.
pub(crate) fn units(
    times: &Times,
    framing: Framing,
    frames: Range<u64>,
    units: &Units,
) -> Result<Vec<AccessUnit>, &'static str> {
    units.check()?;
    if units.units.len() as u64 != frames.end - frames.start {
        return Err("it does not have as many frames as were planned");
    }
    if units.reorder_depth() > depth(framing) {
        return Err("a frame is decoded earlier than decoders can hold it back");
    }
    if frames.end > times.frames() {
        return Err("it has frames that the frame table has not");
    }
    let first = usize::try_from(frames.start).map_err(|_| "it begins beyond all bounds")?;
    let (mut offset, mut shown_last) = (0u64, None);
    let units = (0..).zip(&units.units).map(|(turn, unit)| {
        let (place, of) = (first + turn, first + unit.rank as usize);
        let begins = shown_last.is_none_or(|last| last < unit.rank) && unit.rank == turn as u64;
        shown_last = shown_last.max(Some(unit.rank));
        let at = offset;
        offset = offset.saturating_add(unit.size);
        AccessUnit {
            frame: of as u64,
            offset: at,
            size: unit.size,
            random_access: unit.key && begins,
            pts: times.shown[of],
            dts: times.decoded[place],
            duration: times.step(&times.shown, of),
            decode_duration: times.step(&times.decoded, place),
        }
    });
    Ok(units.collect())
}

fn beyond() -> Error {
    let message = "the source's timestamps are beyond all bounds";
    Error::source("TIMESTAMPS", message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use ves_api::function::Unit;
    use video::TimeBase;

    use super::*;

    fn times(pts: Vec<i64>, framing: Framing) -> Times {
        let timeline = Timeline {
            time_base: TimeBase::per_second(25).unwrap(),
            pts,
            last_duration: 3,
        };
        Times::of(timeline, framing).unwrap()
    }

    fn listed(ranks: &[u64], keys: &[u64]) -> Units {
        let unit = |rank: &u64| Unit {
            size: rank + 10,
            rank: *rank,
            key: keys.contains(rank),
        };
        Units {
            units: ranks.iter().map(unit).collect(),
        }
    }

    #[test]
    fn times_are_those_of_the_whole_video() {
        let times = times(vec![100, 102, 104, 109, 110], Framing::AnnexB);
        assert_eq!(times.lead(), 32, "sixteen frames as far apart as the first");
        let found = units(&times, Framing::AnnexB, 2..5, &listed(&[0, 2, 1], &[0])).unwrap();
        let told =
            |unit: &AccessUnit| (unit.frame, unit.offset, unit.size, unit.pts, unit.duration);
        let told: Vec<_> = found.iter().map(told).collect();
        assert_eq!(
            told,
            [(2, 0, 10, 4, 5), (4, 10, 12, 10, 3), (3, 22, 11, 9, 1)]
        );
        let decoded: Vec<_> = found
            .iter()
            .map(|unit| (unit.dts, unit.decode_duration))
            .collect();
        assert_eq!(decoded, [(-28, 2), (-26, 2), (-24, 3)]);
    }

    #[test]
    fn decoding_starts_where_nothing_before_is_needed_or_shown_later() {
        let times = times((0..8).collect(), Framing::AnnexB);
        let starts = |ranks: &[u64], keys: &[u64]| -> Vec<u64> {
            let units = units(&times, Framing::AnnexB, 0..8, &listed(ranks, keys)).unwrap();
            let starts = units.iter().filter(|unit| unit.random_access);
            starts.map(|unit| unit.frame).collect()
        };
        assert_eq!(starts(&[0, 2, 1, 3, 4, 6, 5, 7], &[0, 3]), [0, 3]);
        // 5 is decoded after 6 and shown before it.
        assert_eq!(starts(&[0, 2, 1, 3, 4, 6, 5, 7], &[0, 6]), [0]);
    }

    #[test]
    fn what_is_no_chunk_of_the_plan_is_refused() {
        let times = times((0..40).collect(), Framing::AnnexB);
        // The frame 1 behind so many that are shown later.
        let held_back = |frames: u64| {
            let ranks: Vec<u64> = [0].into_iter().chain(2..frames).chain([1]).collect();
            units(&times, Framing::AnnexB, 0..frames, &listed(&ranks, &[0]))
        };
        for (frames, list) in [
            (0..3, listed(&[0, 1], &[0])),
            (0..2, listed(&[0, 1], &[])),
            (0..2, listed(&[0, 2], &[0])),
            (39..41, listed(&[0, 1], &[0])),
        ] {
            assert!(
                units(&times, Framing::AnnexB, frames.clone(), &list).is_err(),
                "{frames:?}"
            );
        }
        assert!(held_back(18).is_ok() && held_back(19).is_err());
        let early = listed(&[0, 2, 1], &[0]);
        assert!(units(&times, Framing::Obu, 0..3, &early).is_err());
    }

    /// Ranks as an encoder gives them: anchors, each with the frames shown before it.
    fn decoding_order(groups: &[u64]) -> Vec<u64> {
        let mut ranks = vec![0];
        for group in groups {
            let next = ranks.len() as u64;
            ranks.push(next + group);
            ranks.extend(next..next + group);
        }
        ranks
    }

    proptest! {
        /// However the chunks lie, the index is one video: bytes without a gap, each frame once,
        /// decoding times that ascend without a gap and are no later than the frames.
        #[test]
        fn chunks_make_one_video(
            chunks in proptest::collection::vec(proptest::collection::vec(0u64..15, 0..12), 1..6),
            gaps in proptest::collection::vec(1i64..500, 1_200),
        ) {
            let orders: Vec<_> = chunks.iter().map(|groups| decoding_order(groups)).collect();
            let frames: usize = orders.iter().map(Vec::len).sum();
            let pts: Vec<i64> = gaps.iter().take(frames).scan(-7, |at, gap| { *at += gap; Some(*at) }).collect();
            let times = times(pts.clone(), Framing::AnnexB);
            let (mut start, mut clock) = (0, -(times.lead() as i64));
            let mut seen = Vec::new();
            for ranks in &orders {
                let end = start + ranks.len() as u64;
                let found = units(&times, Framing::AnnexB, start..end, &listed(ranks, &[0])).unwrap();
                prop_assert!(found[0].random_access && found[0].frame == start);
                let mut offset = 0;
                for unit in found {
                    prop_assert_eq!(unit.offset, offset);
                    offset += unit.size;
                    prop_assert_eq!(unit.dts, clock);
                    clock += unit.decode_duration as i64;
                    prop_assert!(unit.dts <= unit.pts && unit.decode_duration > 0);
                    prop_assert_eq!(unit.pts, pts[unit.frame as usize] - pts[0]);
                    let next = pts.get(unit.frame as usize + 1).copied();
                    let end = next.unwrap_or(pts[unit.frame as usize] + 3);
                    prop_assert_eq!(unit.pts + unit.duration as i64, end - pts[0]);
                    seen.push(unit.frame);
                }
                start = end;
            }
            seen.sort_unstable();
            prop_assert!(seen.into_iter().eq(0..frames as u64));
        }
    }
}
