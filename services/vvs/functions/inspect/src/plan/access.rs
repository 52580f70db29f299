//! Can decoding begin often enough, and where it should?

use std::collections::BTreeSet;

use vvs_api::report::{ACCESS_POINT_EXTRA, ACCESS_POINT_MISSING, Discrepancy, RARE_ACCESS};

use crate::media::Packet;
use crate::times::Times;

/// Stretches of more than `most` frames, in decoding order, of which only the first can be begun
/// with.
pub(super) fn rare(packets: &[Packet], most: u64) -> Vec<Discrepancy> {
    let shown = packets.iter().filter(|packet| !packet.hidden);
    let mut points: Vec<u64> = (0..)
        .zip(shown.clone())
        .filter_map(|(frame, packet)| packet.key.then_some(frame))
        .collect();
    points.insert(0, 0);
    points.push(shown.count() as u64);
    let stretches = points.windows(2).map(|pair| (pair[0], pair[1]));
    stretches
        .filter(|(start, end)| end - start > most)
        .map(|(start, end)| told(start, end, most))
        .collect()
}

fn told(start: u64, end: u64, most: u64) -> Discrepancy {
    let frames = end - start;
    let message = format!("decoding can begin nowhere in {frames} frames but with the first");
    Discrepancy::new(RARE_ACCESS, message)
        .frames(start, end)
        .differs(format!("at most {most} frames"), format!("{frames} frames"))
}

/// Frames with which decoding cannot begin, though it should: runs of points that follow one another
/// are told once.
pub(super) fn missing(packets: &[Packet], times: &Times, points: &[u64]) -> Vec<Discrepancy> {
    let keys = keys(packets, times);
    let runs = points.chunk_by(|a, b| keys.contains(a) == keys.contains(b));
    runs.filter(|run| !keys.contains(&run[0]))
        .map(lacking)
        .collect()
}

/// Frames with which decoding can begin, though it should not, but for the first; told in one.
pub(super) fn extra(packets: &[Packet], times: &Times, points: &[u64]) -> Option<Discrepancy> {
    let keys = keys(packets, times);
    let others: Vec<u64> = keys
        .into_iter()
        .filter(|key| *key != 0 && points.binary_search(key).is_err())
        .collect();
    let (first, last) = (*others.first()?, *others.last()?);
    let message = match others.len() {
        1 => format!("decoding can begin with frame {first}, too"),
        others => format!("decoding can begin at {others} other places, too"),
    };
    let told = Discrepancy::new(ACCESS_POINT_EXTRA, message).frames(first, last + 1);
    Some(told.differs("none", "a random access point"))
}

/// Frames with which decoding can begin.
fn keys(packets: &[Packet], times: &Times) -> BTreeSet<u64> {
    let shown = (0..).zip(packets).filter(|(_, packet)| packet.key);
    let frame = |(turn, packet): (u64, &Packet)| {
        let frame = packet.pts.and_then(|pts| times.frame(pts));
        frame.unwrap_or(turn)
    };
    shown.map(frame).collect()
}

fn lacking(points: &[u64]) -> Discrepancy {
    let (first, last) = (points[0], points[points.len() - 1]);
    let message = match points.len() {
        1 => format!("decoding cannot begin with frame {first}"),
        points => format!("decoding cannot begin at {points} places at which it should"),
    };
    Discrepancy::new(ACCESS_POINT_MISSING, message)
        .frames(first, last + 1)
        .differs("a random access point", "none")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn points_are_frames_as_they_are_shown() {
        // Decoded out of order: frame 3 is a key frame, and comes third.
        let shown = [0, 1, 3, 2, 4, 5];
        let packet = |frame: i64| Packet {
            pts: Some(frame * 10),
            key: frame % 3 == 0,
            ..Packet::default()
        };
        let packets: Vec<Packet> = shown.into_iter().map(packet).collect();
        let times = Times::new((0..6).map(|frame| frame * 10).collect()).unwrap();
        let told = |points: &[u64]| {
            let told = missing(&packets, &times, points);
            let frames = told.into_iter().filter_map(|one| one.frames);
            frames.map(|one| (one.start, one.end)).collect::<Vec<_>>()
        };
        assert_eq!(told(&[0, 3]), []);
        assert_eq!(told(&[0, 2, 3, 4, 5]), [(2, 3), (4, 6)]);
        assert_eq!(told(&[9]), [(9, 10)]);
        let extra = |points: &[u64]| {
            let told = extra(&packets, &times, points)?.frames?;
            Some((told.start, told.end))
        };
        assert_eq!([extra(&[0, 3]), extra(&[3])], [None, None]);
        assert_eq!(extra(&[0]), Some((3, 4)));
    }

    fn ranges(keys: &[usize], frames: usize, most: u64) -> Vec<(u64, u64)> {
        let packet = |frame| Packet {
            key: keys.contains(&frame),
            ..Packet::default()
        };
        let packets: Vec<Packet> = (0..frames).map(packet).collect();
        let told = rare(&packets, most).into_iter();
        told.filter_map(|one| one.frames.map(|frames| (frames.start, frames.end)))
            .collect()
    }

    #[test]
    fn a_stretch_is_as_long_as_it_may_be() {
        assert_eq!(ranges(&[0, 30, 60], 90, 30), []);
        assert_eq!(ranges(&[0, 30, 61], 90, 30), [(30, 61)]);
        assert_eq!(ranges(&[0], 31, 30), [(0, 31)]);
        assert_eq!(ranges(&[40], 50, 30), [(0, 40)]);
        assert_eq!(ranges(&[], 0, 30), []);
    }
}
