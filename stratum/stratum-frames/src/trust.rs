//! Whether a container's packets can stand for frames.

use std::collections::HashSet;

use crate::SourceInfo;
use crate::packets::RawPacket;

/// Codecs in which one packet is one frame that is shown.
const ONE_FRAME_A_PACKET: &[&str] = &[
    "h264",
    "hevc",
    "vp9",
    "av1",
    "vvc",
    "mpeg1video",
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
    "cfhd",
    "png",
];

/// Words of the demuxer that mean damage.
const DAMAGE: &[&str] = &[
    "corrupt",
    "ended prematurely",
    "partial file",
    "truncat",
    "Invalid data",
    "Invalid NAL",
];

/// Why the frames have to be decoded to be known; `None` when the packets will do.
pub(crate) fn doubt(
    source: &SourceInfo,
    packets: &[RawPacket],
    said: &str,
) -> Option<&'static str> {
    let announced = source.announced.unwrap_or(packets.len() as u64);
    let checks = [
        (
            !ONE_FRAME_A_PACKET.contains(&source.codec.as_str()),
            "a packet of this codec need not be a frame",
        ),
        (is_damage(said), "the file is damaged"),
        (
            announced != packets.len() as u64,
            "the header announces another number of frames",
        ),
        (
            !packets.first().is_some_and(|p| p.key),
            "it does not begin with a random access point",
        ),
        (
            !all_times_differ(packets),
            "presentation times are missing or repeat",
        ),
        (!decode_times_rise(packets), "decode times jump back"),
    ];
    checks
        .into_iter()
        .find(|(fails, _)| *fails)
        .map(|(_, why)| why)
}

/// What is missing or broken in a source of which so many frames decode.
pub(crate) fn damage(
    source: &SourceInfo,
    packets: &[RawPacket],
    complaints: &[String],
    decoded: usize,
) -> Option<String> {
    let hidden = packets.iter().filter(|packet| packet.hidden).count() as u64;
    let announced = source.announced.map(|all| all.saturating_sub(hidden));
    if let Some(announced) = announced.filter(|announced| *announced > decoded as u64) {
        return Some(format!(
            "its header announces {announced} frames, of which {decoded} decode"
        ));
    }
    let complaint = complaints.iter().find(|line| is_damage(line))?;
    Some(format!("its demuxer complains: {}", complaint.trim()))
}

fn is_damage(said: &str) -> bool {
    DAMAGE.iter().any(|word| said.contains(word))
}

fn all_times_differ(packets: &[RawPacket]) -> bool {
    let mut seen = HashSet::with_capacity(packets.len());
    let mut shown = packets.iter().filter(|packet| !packet.hidden);
    shown.all(|packet| packet.pts.is_some_and(|pts| seen.insert(pts)))
}

fn decode_times_rise(packets: &[RawPacket]) -> bool {
    let times: Vec<i64> = packets.iter().filter_map(|packet| packet.dts).collect();
    times.is_sorted_by(|earlier, later| earlier < later)
}
