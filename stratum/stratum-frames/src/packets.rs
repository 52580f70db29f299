//! Packets as ffprobe lists them: one line each, `pts=1001|dts=N/A|duration=…|flags=K_`.

use crate::codec::MOST_PACKETS;
use crate::{Error, Packet};

/// A packet as the container has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawPacket {
    pub(crate) pts: Option<i64>,
    pub(crate) dts: Option<i64>,
    duration: i64,
    pub(crate) key: bool,
    pub(crate) hidden: bool,
    position: Option<u64>,
    size: u32,
}

/// What to ask ffprobe for.
pub(crate) const ENTRIES: &str = "packet=pts,dts,duration,size,pos,flags";

/// Takes one line; those that are no packet are empty lines between sections.
pub(crate) fn line(packets: &mut Vec<RawPacket>, line: &str) -> Result<(), Error> {
    if !line.contains("flags=") {
        return Ok(());
    }
    if packets.len() >= MOST_PACKETS {
        return Err(Error::Source(format!(
            "it has more than {MOST_PACKETS} frames"
        )));
    }
    packets.push(parse(line)?);
    Ok(())
}

fn parse(line: &str) -> Result<RawPacket, Error> {
    let mut packet = RawPacket {
        pts: None,
        dts: None,
        duration: 0,
        key: false,
        hidden: false,
        position: None,
        size: 0,
    };
    for (key, value) in line.split('|').filter_map(|field| field.split_once('=')) {
        match key {
            "pts" => packet.pts = value.parse().ok(),
            "dts" => packet.dts = value.parse().ok(),
            "duration" => packet.duration = value.parse().unwrap_or(0),
            "pos" => packet.position = value.parse().ok(),
            "size" => packet.size = size(value)?,
            "flags" => {
                packet.key = value.contains('K');
                packet.hidden = value.contains('D');
            }
            _ => {}
        }
    }
    Ok(packet)
}

fn size(text: &str) -> Result<u32, Error> {
    let size = text.parse::<u32>();
    size.map_err(|_| Error::Source(format!("a packet of {text} bytes")))
}

impl RawPacket {
    /// As a row of the table; `None` without a presentation time.
    pub(crate) fn row(&self) -> Option<Packet> {
        let pts = self.pts?;
        Some(Packet {
            pts,
            dts: self.dts.unwrap_or(pts),
            duration: self.duration,
            key: self.key,
            shown: !self.hidden,
            position: self.position,
            size: self.size,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_not_available_is_missing() {
        let mut all = Vec::new();
        for text in [
            "pts=-21021|dts=N/A|duration=N/A|size=3029|pos=48|flags=KD",
            "",
            "pts=N/A|dts=5|duration=1001|size=7|pos=N/A|flags=__|",
        ] {
            line(&mut all, text).unwrap();
        }
        let row = all[0].row().unwrap();
        assert_eq!(
            (row.pts, row.dts, row.duration, row.position),
            (-21021, -21021, 0, Some(48))
        );
        assert!(row.key && !row.shown);
        assert_eq!(all[1].row(), None);
        assert!(!all[1].key && !all[1].hidden && all[1].dts == Some(5));
        assert!(line(&mut all, "size=-1|flags=__").is_err());
    }
}
