//! Where the video is cut for inspection: at its own random access points.

use video::{Rational, TimeBase};
use vvs_api::function::Segment;

use crate::limits::{SEGMENT_FRAMES, SEGMENT_SECONDS, SEGMENTS};
use crate::media::{Packet, Packets, Stream};
use crate::times::Times;

/// Codecs whose packets are frames, and whose random access points are marked as such.
const CUT: &[&str] = &[
    "h264",
    "hevc",
    "vp8",
    "vp9",
    "av1",
    "vvc",
    "mpeg2video",
    "prores",
    "dnxhd",
    "jpeg2000",
    "mjpeg",
    "ffv1",
    "huffyuv",
    "ffvhuff",
    "utvideo",
    "rawvideo",
    "v210",
    "png",
];

/// The whole video in segments. What cannot be cut with confidence is one.
pub(super) fn cut(
    track: &Stream,
    packets: &Packets,
    times: &Times,
    timed: bool,
    segment_frames: Option<u64>,
) -> Vec<Segment> {
    let frames = match timed {
        true => times.len(),
        false => packets
            .packets
            .iter()
            .filter(|packet| !packet.hidden)
            .count() as u64,
    };
    let whole = Segment {
        index: 0,
        start: 0,
        end: frames,
        seek_us: None,
        timed,
    };
    match base(track).filter(|_| timed && is_orderly(track, packets)) {
        Some(base) => {
            let target = segment_frames.map_or_else(|| target(track), |frames| frames.max(1));
            at_access_points(whole, packets, times, base, target)
        }
        None => vec![whole],
    }
}

fn base(track: &Stream) -> Option<TimeBase> {
    track.time_base.parse().ok().and_then(TimeBase::new)
}

/// Frames of one segment.
fn target(track: &Stream) -> u64 {
    let rate: Option<Rational> = track.avg_frame_rate.parse().ok();
    let frames = rate.and_then(|rate| rate.floor_mul(SEGMENT_SECONDS as i64));
    let (least, most) = SEGMENT_FRAMES;
    frames
        .map_or(least as u64, i64::unsigned_abs)
        .clamp(least as u64, most as u64)
}

fn is_orderly(track: &Stream, packets: &Packets) -> bool {
    let times = packets.packets.iter().filter_map(|packet| packet.dts);
    CUT.contains(&track.codec_name.as_str())
        && packets.complaints.is_empty()
        && packets.packets.first().is_some_and(|packet| packet.key)
        && times.is_sorted_by(|a, b| a < b)
}

fn at_access_points(
    whole: Segment,
    packets: &Packets,
    times: &Times,
    base: TimeBase,
    target: u64,
) -> Vec<Segment> {
    let mut segments = vec![whole];
    for (frame, seek_us) in access_points(packets, times, base) {
        let Some(last) = segments.last_mut() else {
            break;
        };
        let is_due = frame >= last.start + target && last.end - frame >= target / 2;
        if is_due && (last.index as usize) < SEGMENTS - 1 {
            let next = Segment {
                index: last.index + 1,
                start: frame,
                seek_us: Some(seek_us),
                ..*last
            };
            last.end = frame;
            segments.push(next);
        }
    }
    segments
}

/// Frames at which decoding can start such that all later ones come out, and where to seek for
/// them: just before anything of theirs, so that no demuxer lands behind it.
fn access_points(
    packets: &Packets,
    times: &Times,
    base: TimeBase,
) -> impl Iterator<Item = (u64, i64)> {
    let mut latest = i64::MIN;
    packets.packets.iter().filter_map(move |packet| {
        let pts = packet.pts?;
        let is_point = packet.key && pts > latest;
        latest = latest.max(pts);
        is_point.then_some((times.first_from(pts), seek(packet, base)?))
    })
}

fn seek(packet: &Packet, base: TimeBase) -> Option<i64> {
    let pts = packet.pts?;
    let earliest = packet.dts.map_or(pts, |dts| dts.min(pts));
    base.floor_micros(earliest)?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn track() -> Stream {
        Stream {
            codec_name: "h264".into(),
            time_base: "1/1000".into(),
            avg_frame_rate: "25/1".into(),
            ..Stream::default()
        }
    }

    /// 1,000 frames of 40 ticks, one in `gop` a random access point.
    fn packets(gop: i64) -> Packets {
        let packet = |n: i64| Packet {
            pts: Some(40 * n),
            dts: Some(40 * n - 80),
            key: n % gop == 0,
            ..Packet::default()
        };
        Packets {
            packets: (0..1000).map(packet).collect(),
            complaints: vec![],
        }
    }

    fn ranges(track: &Stream, packets: &Packets) -> Vec<(u64, u64, Option<i64>)> {
        let times = packets
            .packets
            .iter()
            .map(|packet| packet.pts.unwrap())
            .collect();
        let segments = cut(track, packets, &Times::new(times).unwrap(), true, None);
        segments
            .iter()
            .map(|s| (s.start, s.end, s.seek_us))
            .collect()
    }

    #[test]
    fn segments_begin_at_random_access_points() {
        let seek = |frame: i64| Some((40 * frame - 80) * 1000 - 1);
        let expected = [
            (0, 300, None),
            (300, 550, seek(300)),
            (550, 800, seek(550)),
            (800, 1000, seek(800)),
        ];
        // 250 frames are ten seconds; the first access points come late.
        let mut packets = packets(50);
        packets.packets[250].key = false;
        assert_eq!(ranges(&track(), &packets), expected);
    }

    #[test]
    fn a_short_rest_belongs_to_the_segment_before() {
        assert_eq!(ranges(&track(), &packets(450)).len(), 2);
        assert_eq!(ranges(&track(), &packets(901)).len(), 1);
    }

    #[test]
    fn what_is_not_orderly_is_one_segment() {
        let whole = [(0, 1000, None)];
        let other = Stream {
            codec_name: "mpeg4".into(),
            ..track()
        };
        assert_eq!(ranges(&other, &packets(50)), whole);
        let mut complained = packets(50);
        complained.complaints.push("partial file".into());
        assert_eq!(ranges(&track(), &complained), whole);
        let mut late = packets(50);
        late.packets[0].key = false;
        assert_eq!(ranges(&track(), &late), whole);
        let untimed = cut(&track(), &packets(50), &Times::default(), false, None);
        assert_eq!(
            (untimed.len(), untimed[0].end, untimed[0].timed),
            (1, 1000, false)
        );
    }

    #[test]
    fn an_access_point_with_later_frames_before_it_is_none() {
        let mut packets = packets(250);
        packets.packets.swap(250, 251);
        packets.packets[250].dts = Some(40 * 250 - 80);
        packets.packets[251].dts = Some(40 * 251 - 80);
        let starts: Vec<u64> = ranges(&track(), &packets).iter().map(|r| r.0).collect();
        assert_eq!(starts, [0, 500, 750]);
    }
}
