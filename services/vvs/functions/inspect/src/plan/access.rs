//! Can decoding begin often enough?

use vvs_api::report::{Discrepancy, RARE_ACCESS};

use crate::media::Packet;

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

#[cfg(test)]
mod tests {
    use super::*;

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
