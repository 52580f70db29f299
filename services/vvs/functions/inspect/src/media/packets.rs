//! The packets of a video track, as the container has them.

use std::path::Path;

use errors::Error;

use crate::limits::FRAMES;
use crate::media::probe::{ffprobe, malformed};
use crate::media::{quoted, url};

/// One packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Packet {
    /// When it is shown, in ticks.
    pub(crate) pts: Option<i64>,
    pub(crate) dts: Option<i64>,
    /// In ticks; 0 when the container does not say.
    pub(crate) duration: i64,
    pub(crate) bytes: u64,
    /// Whether decoding can start here, as the container says.
    pub(crate) key: bool,
    /// Whether the container says not to show it.
    pub(crate) hidden: bool,
}

/// All packets, in decoding order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Packets {
    pub(crate) packets: Vec<Packet>,
    /// The last complaints of the demuxer.
    pub(crate) complaints: Vec<String>,
}

/// Asks ffprobe for the packets of a track.
pub(crate) fn list(file: &Path, track: u32) -> Result<Packets, Error> {
    let mut packets = Vec::new();
    let complaints = ffprobe()
        .words("-v error -of compact=p=0 -show_entries packet=pts,dts,duration,size,flags")
        .args(["-select_streams", &track.to_string()])
        .arg(url(file))
        .run(|line| {
            if packets.len() == FRAMES {
                let message = format!("the video has more than {FRAMES} frames");
                return Err(Error::source("TOO_MANY_FRAMES", message));
            }
            packets.extend(packet(line)?);
            Ok(())
        })?;
    Ok(Packets {
        packets,
        complaints: complaints.iter().map(|line| quoted(line)).collect(),
    })
}

/// `pts=0|dts=N/A|duration=1001|size=512|flags=K_`; what follows of side data is passed over.
fn packet(line: &str) -> Result<Option<Packet>, Error> {
    if !line.starts_with("pts=") {
        return match line.is_empty() || line.starts_with("side_data") {
            true => Ok(None),
            false => Err(malformed(line)),
        };
    }
    let mut packet = Packet::default();
    for field in line.split('|') {
        match field.split_once('=') {
            Some(("pts", value)) => packet.pts = value.parse().ok(),
            Some(("dts", value)) => packet.dts = value.parse().ok(),
            Some(("duration", value)) => packet.duration = value.parse().unwrap_or(0),
            Some(("size", value)) => packet.bytes = value.parse().unwrap_or(0),
            Some(("flags", value)) => {
                packet.key = value.contains('K');
                packet.hidden = value.contains('D');
            }
            _ => {}
        }
    }
    Ok(Some(packet))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_are_packets() {
        let expected = Packet {
            pts: Some(1001),
            dts: None,
            duration: 1001,
            bytes: 512,
            key: true,
            hidden: true,
        };
        let line = "pts=1001|dts=N/A|duration=1001|size=512|flags=KD_|side_data|";
        assert_eq!(packet(line).unwrap(), Some(expected));
        let bare = packet("pts=N/A|dts=N/A|duration=N/A|flags=__").unwrap();
        assert_eq!(bare, Some(Packet::default()));
        assert_eq!(packet("").unwrap(), None);
        assert_eq!(packet("nonsense").unwrap_err().code, "PROBE");
    }
}
