//! Does a decoder have each access unit in time, if it is fed at no more than a bitrate?

use video::{DecoderBuffer, Fullness, Rational, TimeBase};
use vvs_api::report::{BUFFER_UNDERFLOW, Discrepancy};

use crate::media::{Packet, Stream};
use crate::times::Times;

/// Stretches, from a full buffer to the next, in which access units are not there whole when they are
/// to be decoded: one discrepancy each.
pub(super) fn underflows(
    track: &Stream,
    packets: &[Packet],
    times: &Times,
    buffer: DecoderBuffer,
) -> Vec<Discrepancy> {
    let Some(clock) = Clock::of(track, packets) else {
        let message =
            "the file tells neither decoding times nor a frame rate, by which bits are due";
        return vec![Discrepancy::new(BUFFER_UNDERFLOW, message)];
    };
    let shown = |turn: usize| {
        let frame = packets[turn].pts.and_then(|pts| times.frame(pts));
        frame.unwrap_or(turn as u64)
    };
    let sizes: Vec<u64> = packets.iter().map(|packet| packet.bytes * 8).collect();
    let stretches = stretches(buffer, &clock, &sizes);
    stretches
        .iter()
        .map(|one| one.told(buffer, shown))
        .collect()
}

/// When access units are taken out of the buffer.
struct Clock {
    ticks: TimeBase,
    /// In decoding order, ascending.
    removals: Vec<i64>,
    /// What rounding to ticks may have moved a removal by, in ticks.
    rounded: i64,
}

impl Clock {
    /// By decoding times; where there are none by those of presentation, in order, as readers make
    /// them up; else by the frame rate.
    fn of(track: &Stream, packets: &[Packet]) -> Option<Self> {
        let base: Option<Rational> = track.time_base.parse().ok();
        let times = decoded(packets).or_else(|| shown(packets));
        match base.and_then(TimeBase::new).zip(times) {
            Some((ticks, removals)) => Some(Self {
                ticks,
                rounded: rounded(&removals),
                removals,
            }),
            None => Self::constant(track, packets.len()),
        }
    }

    fn constant(track: &Stream, frames: usize) -> Option<Self> {
        let rate: Rational = track.avg_frame_rate.parse().ok()?;
        Some(Self {
            ticks: TimeBase::new(rate.inverse()?)?,
            removals: (0..i64::try_from(frames).ok()?).collect(),
            rounded: 0,
        })
    }
}

fn decoded(packets: &[Packet]) -> Option<Vec<i64>> {
    let times: Option<Vec<i64>> = packets.iter().map(|packet| packet.dts).collect();
    times.filter(|times| times.is_sorted())
}

fn shown(packets: &[Packet]) -> Option<Vec<i64>> {
    let times: Option<Vec<i64>> = packets.iter().map(|packet| packet.pts).collect();
    let mut times = times?;
    times.sort_unstable();
    Some(times)
}

/// Of a constant rate in ticks that cannot tell it (Matroska's milliseconds), distances differ by one
/// tick.
fn rounded(times: &[i64]) -> i64 {
    let distances = times.windows(2).map(|pair| pair[1] - pair[0]);
    let (least, most) = (distances.clone().min(), distances.max());
    let apart = least.zip(most).map_or(0, |(least, most)| most - least);
    i64::from(apart == 1)
}

/// Access units that are late.
#[derive(Debug, PartialEq, Eq)]
struct Stretch {
    /// By their turns in decoding.
    late: Vec<usize>,
    /// The one of which most is missing, its bits, and those missing.
    worst: (usize, u64, u64),
}

fn stretches(buffer: DecoderBuffer, clock: &Clock, sizes: &[u64]) -> Vec<Stretch> {
    let mut level: Fullness = buffer.holding(buffer.size, clock.ticks);
    let mut slack = buffer.holding(0, clock.ticks);
    slack.wait(clock.rounded);
    let (mut stretches, mut open) = (Vec::<Stretch>::new(), false);
    for (turn, bits) in sizes.iter().copied().enumerate() {
        if let Some(before) = turn.checked_sub(1) {
            level.wait(clock.removals[turn] - clock.removals[before]);
        }
        open &= !level.is_full();
        let missing = level.remove(bits);
        if missing <= slack.bits() {
            continue;
        }
        let one = (turn, bits, missing);
        match stretches.last_mut().filter(|_| open) {
            Some(stretch) => stretch.take(one),
            None => stretches.push(Stretch {
                late: vec![turn],
                worst: one,
            }),
        }
        open = true;
    }
    stretches
}

impl Stretch {
    fn take(&mut self, (turn, bits, missing): (usize, u64, u64)) {
        self.late.push(turn);
        if missing > self.worst.2 {
            self.worst = (turn, bits, missing);
        }
    }

    fn told(&self, buffer: DecoderBuffer, shown: impl Fn(usize) -> u64) -> Discrepancy {
        let frames = self.late.iter().map(|turn| shown(*turn));
        let (first, last) = (frames.clone().min(), frames.max());
        let (turn, bits, missing) = self.worst;
        let frame = shown(turn);
        let what = match self.late.len() {
            1 => format!("frame {frame} is"),
            frames => format!("{frames} frames are"),
        };
        let DecoderBuffer { max_bitrate, size } = buffer;
        let message = format!(
            "{what} not there in time at {max_bitrate} b/s through a buffer of {size} bits: \
             of frame {frame}, {missing} bits are missing, {} ms",
            missing.saturating_mul(1_000).div_ceil(max_bitrate)
        );
        Discrepancy::new(BUFFER_UNDERFLOW, message)
            .frames(first.unwrap_or(frame), last.unwrap_or(frame) + 1)
            .differs(
                format!("{bits} bits of frame {frame} in time"),
                format!("{} bits", bits - missing),
            )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn track(time_base: &str, rate: &str) -> Stream {
        Stream {
            time_base: time_base.into(),
            avg_frame_rate: rate.into(),
            ..Stream::default()
        }
    }

    /// Frames of these bytes, decoded at these ticks, each shown two frames' time later.
    fn packets(bytes: &[u64], dts: impl Fn(i64) -> Option<i64>) -> Vec<Packet> {
        let packet = |(turn, bytes): (i64, &u64)| Packet {
            dts: dts(turn),
            pts: dts(turn + 2),
            bytes: *bytes,
            ..Packet::default()
        };
        (0..).zip(bytes).map(packet).collect()
    }

    fn found(track: &Stream, packets: &[Packet], buffer: (u64, u64)) -> Vec<(u64, u64, String)> {
        let times = packets.iter().filter_map(|packet| packet.pts).collect();
        let times = Times::new(times).unwrap();
        let buffer = DecoderBuffer::new(buffer.0, buffer.1).unwrap();
        let told = underflows(track, packets, &times, buffer);
        let told = told.into_iter().filter_map(|one| {
            let frames = one.frames?;
            Some((frames.start, frames.end, one.found))
        });
        told.collect()
    }

    /// 24,000 bits in a second are 1,000 in a frame.
    const BUFFER: (u64, u64) = (24_000, 8_000);

    #[test]
    fn the_frame_and_what_it_lacks_are_told() {
        let track = track("1/24", "24/1");
        let of = |bytes: &[u64]| found(&track, &packets(bytes, Some), BUFFER);
        assert_eq!(of(&[1_000, 125, 125, 125]), []);
        assert_eq!(of(&[1_000, 126]), [(1, 2, "1000 bits".into())]);
        let twice = of(&[1_001, 0, 0, 1_000, 125, 0, 0, 0, 0, 0, 0, 0, 0, 1_001]);
        let last = (13, 14, "8000 bits".to_owned());
        assert_eq!(twice, [(0, 4, "3000 bits".to_owned()), last]);
    }

    #[test]
    fn times_are_those_of_the_file_and_the_rate_where_it_has_none() {
        let bytes = [1_000, 250];
        let late = |track: &Stream, dts: &dyn Fn(i64) -> Option<i64>| {
            found(track, &packets(&bytes, dts), BUFFER).len()
        };
        let (film, slower) = (track("1/24", "24/1"), track("1/24", "12/1"));
        assert_eq!(late(&film, &|turn| Some(turn * 2)), 0);
        assert_eq!(late(&film, &Some), 1);
        assert_eq!(late(&slower, &|_| None), 0);
        assert_eq!(late(&film, &|_| None), 1);
        let told = underflows(
            &track("", "0/0"),
            &packets(&bytes, |_| None),
            &Times::default(),
            DecoderBuffer::new(1, 1).unwrap(),
        );
        assert_eq!(told[0].code, BUFFER_UNDERFLOW);
    }

    #[test]
    fn milliseconds_of_a_constant_rate_are_not_held_against_it() {
        let coarse = track("1/1000", "24/1");
        let rounded = |turn: i64| Some((turn * 1_000 + 12) / 24);
        let even: Vec<u64> = std::iter::once(1_000).chain([125; 200]).collect();
        assert_eq!(found(&coarse, &packets(&even, rounded), BUFFER), []);
        let more: Vec<u64> = std::iter::once(1_000).chain([130; 200]).collect();
        assert_ne!(found(&coarse, &packets(&more, rounded), BUFFER), []);
    }
}
