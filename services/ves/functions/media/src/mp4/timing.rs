//! From when frames are shown to when samples are decoded.

use errors::Error;
use video::TimeBase;

/// When each frame is shown, in presentation order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    pub time_base: TimeBase,
    /// Ticks, ascending.
    pub pts: Vec<i64>,
    /// How long the last frame is shown, in ticks; at least 1.
    pub last_duration: i64,
}

/// The timing of a track as MP4 tells it, in units of its timescale and in decoding order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Timing {
    pub(crate) timescale: u32,
    /// From each sample's decoding time to the next one's.
    pub(crate) deltas: Vec<u32>,
    /// From each sample's decoding time to its presentation.
    pub(crate) offsets: Vec<u32>,
    /// From the first decoding time to the first presentation.
    pub(crate) lead: u64,
    /// When the first frame is shown, on the source's clock.
    pub(crate) start: i64,
    /// From the first presentation to the end of the last.
    pub(crate) duration: u64,
}

/// Times samples in decoding order; `shown[k]` is which frame the k-th sample is.
///
/// `depth` is by how many places any sample is decoded before its turn in presentation. Decoding
/// times are the presentation times, that many places earlier, continued to the left by the
/// first distance; so they ascend and none is later than its frame.
pub(crate) fn decode_order_timing(
    timeline: &Timeline,
    shown: &[u64],
    depth: u64,
) -> Result<Timing, Error> {
    let (timescale, scale) = timescale(timeline.time_base)?;
    let times = Times::new(timeline, depth)?;
    let decoded: Vec<i64> = times.all(shown.len() as u64);
    let scaled = |ticks: i64| u32::try_from(i128::from(ticks) * i128::from(scale));
    let deltas = decoded.windows(2).map(|pair| scaled(pair[1] - pair[0]));
    let deltas = deltas.chain([scaled(times.last_stay(&decoded))]);
    let offsets = shown.iter().zip(&decoded).map(|(frame, dts)| {
        let pts = timeline.pts.get(*frame as usize).ok_or_else(unmatched)?;
        scaled(pts - dts).map_err(|_| unrepresentable())
    });
    let long = |ticks: i64| {
        u64::try_from(i128::from(ticks) * i128::from(scale)).map_err(|_| unrepresentable())
    };
    Ok(Timing {
        timescale,
        deltas: deltas
            .collect::<Result<_, _>>()
            .map_err(|_| unrepresentable())?,
        offsets: offsets.collect::<Result<_, _>>()?,
        lead: long(times.first() - times.decoded(0))?,
        start: times
            .first()
            .checked_mul(scale)
            .ok_or_else(unrepresentable)?,
        duration: long(times.last() - times.first() + timeline.last_duration)?,
    })
}

/// When each access unit is decoded, in ticks of the source and in decoding order; none is decoded by
/// more than `depth` places before its turn in presentation.
///
/// # Errors
/// When the times of frames do not ascend.
pub fn decode_times(timeline: &Timeline, depth: u64) -> Result<Vec<i64>, Error> {
    let times = Times::new(timeline, depth)?;
    Ok(times.all(timeline.pts.len() as u64))
}

/// Ticks per second, and units of it per tick of the source.
pub(crate) fn timescale(base: TimeBase) -> Result<(u32, i64), Error> {
    let base = base.as_rational();
    let timescale = u32::try_from(base.denominator()).map_err(|_| unrepresentable())?;
    Ok((timescale, base.numerator()))
}

struct Times<'a> {
    pts: &'a [i64],
    depth: u64,
    step: i64,
    last_duration: i64,
}

impl<'a> Times<'a> {
    fn new(timeline: &'a Timeline, depth: u64) -> Result<Self, Error> {
        let pts = &timeline.pts;
        let ascends = pts.windows(2).all(|pair| pair[0] < pair[1]);
        if pts.is_empty() || !ascends || timeline.last_duration < 1 {
            let message = "the frame table's timestamps do not ascend";
            return Err(Error::source("TIMESTAMPS", message));
        }
        let step = pts
            .get(1)
            .map_or(timeline.last_duration, |second| second - pts[0]);
        Ok(Self {
            pts,
            depth,
            step,
            last_duration: timeline.last_duration,
        })
    }

    fn first(&self) -> i64 {
        self.pts[0]
    }

    fn last(&self) -> i64 {
        self.pts[self.pts.len() - 1]
    }

    /// How long the last sample to be decoded stays: the samples together last at least as long
    /// as the frames do, or readers cut the end of the presentation off. Where distances are
    /// uneven, be it by rounding, decoding times need not add up to that by themselves.
    fn last_stay(&self, decoded: &[i64]) -> i64 {
        let shown = self.last() - self.first() + self.last_duration;
        let told = decoded[decoded.len() - 1] - decoded[0];
        self.last_duration.max(shown - told)
    }

    fn all(&self, samples: u64) -> Vec<i64> {
        (0..samples).map(|turn| self.decoded(turn)).collect()
    }

    fn decoded(&self, turn: u64) -> i64 {
        match turn.checked_sub(self.depth) {
            Some(earlier) => self
                .pts
                .get(earlier as usize)
                .copied()
                .unwrap_or(self.last()),
            None => self.first() - (self.depth - turn) as i64 * self.step,
        }
    }
}

fn unrepresentable() -> Error {
    Error::source(
        "TIMESTAMPS",
        "the source's timestamps are beyond what MP4 can hold",
    )
}

fn unmatched() -> Error {
    Error::function(
        "FRAME_COUNT",
        "the chunks hold frames that the frame table does not",
    )
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use video::Rational;

    use super::*;

    pub(crate) fn timeline(base: (i64, i64), pts: Vec<i64>, last_duration: i64) -> Timeline {
        let time_base = TimeBase::new(Rational::new(base.0, base.1).unwrap()).unwrap();
        Timeline {
            time_base,
            pts,
            last_duration,
        }
    }

    #[test]
    fn a_pyramid_at_a_constant_rate() {
        let timeline = timeline((1001, 30_000), vec![5, 6, 7, 8, 9], 1);
        let timing = decode_order_timing(&timeline, &[0, 4, 2, 1, 3], 2).unwrap();
        assert_eq!(timing.timescale, 30_000);
        assert_eq!(timing.deltas, [1001; 5]);
        assert_eq!(timing.offsets, [2002, 5005, 2002, 0, 1001]);
        assert_eq!(
            (timing.lead, timing.start, timing.duration),
            (2002, 5005, 5005)
        );
    }

    #[test]
    fn a_rate_that_ticks_round_lasts_to_the_end() {
        // 30 frames a second in milliseconds, as Matroska has them.
        let pts: Vec<i64> = (0..7).map(|n| (n * 1_000 + 15) / 30).collect();
        let timeline = timeline((1, 1_000), pts, 33);
        let timing = decode_order_timing(&timeline, &[0, 4, 2, 1, 3, 5, 6], 2).unwrap();
        assert_eq!(timing.deltas, [33, 33, 33, 34, 33, 33, 34]);
        assert_eq!((timing.lead, timing.duration), (66, 233));
    }

    #[test]
    fn one_frame_lasts_as_long_as_the_table_says() {
        let timing = decode_order_timing(&timeline((1, 1000), vec![-7], 40), &[0], 0).unwrap();
        assert_eq!((timing.deltas, timing.offsets), (vec![40], vec![0]));
        assert_eq!((timing.lead, timing.start, timing.duration), (0, -7, 40));
    }

    #[test]
    fn times_that_cannot_be_are_the_sources_fault() {
        for pts in [
            vec![],
            vec![1, 1],
            vec![2, 1],
            vec![0, i64::from(u32::MAX) + 1],
        ] {
            let shown: Vec<u64> = (0..pts.len() as u64).collect();
            let error = decode_order_timing(&timeline((1, 90_000), pts, 1), &shown, 0).unwrap_err();
            assert_eq!(error.code, "TIMESTAMPS");
        }
    }

    /// Ranks as an encoder gives them: each group is an anchor and the frames shown before it.
    pub(crate) fn decoding_order(groups: &[u64]) -> Vec<u64> {
        let mut shown = vec![0];
        let mut next = 1;
        for group in groups {
            shown.push(next + group);
            shown.extend(next..next + group);
            next += group + 1;
        }
        shown
    }

    proptest! {
        #[test]
        fn any_order_at_any_times_is_shown_as_the_table_says(
            groups in proptest::collection::vec(0u64..5, 0..60),
            gaps in proptest::collection::vec(1i64..9_000, 300),
            start in -100_000i64..100_000,
        ) {
            let shown = decoding_order(&groups);
            let pts: Vec<i64> = gaps.iter().take(shown.len()).scan(start, |at, gap| {
                *at += gap;
                Some(*at)
            }).collect();
            let depth = (0..).zip(&shown).map(|(turn, frame): (u64, &u64)| turn.saturating_sub(*frame)).max().unwrap();
            let timing = decode_order_timing(&timeline((1, 90_000), pts.clone(), 7), &shown, depth).unwrap();
            let mut dts = timing.start - timing.lead as i64;
            for (i, frame) in shown.iter().enumerate() {
                prop_assert_eq!(dts + i64::from(timing.offsets[i]), pts[*frame as usize]);
                prop_assert!(timing.deltas[i] > 0);
                dts += i64::from(timing.deltas[i]);
            }
            prop_assert_eq!(timing.duration as i64, pts[pts.len() - 1] - pts[0] + 7);
            let samples: u64 = timing.deltas.iter().map(|delta| u64::from(*delta)).sum();
            prop_assert!(samples >= timing.duration);
        }
    }
}
