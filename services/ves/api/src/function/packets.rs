//! The list of packets that ffmpeg's `framecrc` muxer writes, as access units.

use errors::Error;

use crate::function::{Unit, Units};

/// The access units listed so far.
pub(crate) struct Packets {
    expected: u64,
    units: Vec<Unit>,
    last_dts: Option<i64>,
}

impl Packets {
    /// Of a chunk of so many frames.
    pub(crate) fn new(expected: u64) -> Self {
        Self {
            expected,
            units: Vec::new(),
            last_dts: None,
        }
    }

    /// How many so far.
    pub(crate) fn count(&self) -> u64 {
        self.units.len() as u64
    }

    /// Takes a line of the list: `stream, dts, pts, duration, size, checksum[, flags …]`.
    pub(crate) fn take(&mut self, line: &str) -> Result<(), Error> {
        if line.starts_with('#') || line.is_empty() {
            return Ok(());
        }
        let (dts, unit) = parse(line).ok_or_else(|| malformed(line))?;
        if self.last_dts.is_some_and(|last| dts <= last) {
            return Err(malformed(line));
        }
        if self.count() == self.expected {
            return Err(self.miscounted("more"));
        }
        self.last_dts = Some(dts);
        self.units.push(unit);
        Ok(())
    }

    /// All of them, each frame once.
    pub(crate) fn into_units(self) -> Result<Units, Error> {
        if self.count() < self.expected {
            return Err(self.miscounted("only these"));
        }
        let units = Units { units: self.units };
        let checked = units.check();
        checked.map_err(|why| Error::function("STREAM_MISMATCH", why))?;
        Ok(units)
    }

    fn miscounted(&self, what: &str) -> Error {
        let (came, expected) = (self.count(), self.expected);
        let message = format!("{came} frames came and {what}, but the chunk has {expected}");
        Error::function("FRAME_COUNT", message)
    }
}

fn malformed(line: &str) -> Error {
    let line: String = line.chars().take(100).collect();
    Error::function(
        "PACKET_LIST",
        format!("ffmpeg listed an impossible packet: {line}"),
    )
}

fn parse(line: &str) -> Option<(i64, Unit)> {
    let mut fields = line.split(',').map(str::trim);
    let dts = fields.nth(1)?.parse().ok()?;
    let rank = fields.next()?.parse().ok()?;
    let size = fields.nth(1)?.parse().ok()?;
    // Flags are written only when they are not "key and nothing else".
    let key = !fields.skip(1).any(|field| field.starts_with("F="));
    Some((dts, Unit { size, rank, key }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LIST: [&str; 5] = [
        "#tb 0: 1/24",
        "0,         -2,          0,        1,      957, 0x2dcd11fc, S=1,        8",
        "0,         -1,          2,        1,       40, 0x7ff90469, F=0x0, S=1,        8",
        "0,          0,          1,        1,       37, 0x51850345, F=0x0, S=1,        8",
        "",
    ];

    fn units(lines: &[&str], expected: u64) -> Result<Units, Error> {
        let mut packets = Packets::new(expected);
        lines.iter().try_for_each(|line| packets.take(line))?;
        packets.into_units()
    }

    #[test]
    fn a_list_becomes_units() {
        let units = units(&LIST, 3).unwrap();
        let facts: Vec<_> = units
            .units
            .iter()
            .map(|u| (u.size, u.rank, u.key))
            .collect();
        assert_eq!(facts, [(957, 0, true), (40, 2, false), (37, 1, false)]);
    }

    #[test]
    fn a_wrong_count_or_order_is_refused() {
        assert_eq!(units(&LIST, 4).unwrap_err().code, "FRAME_COUNT");
        assert_eq!(units(&LIST, 2).unwrap_err().code, "FRAME_COUNT");
        assert_eq!(units(&LIST[..3], 2).unwrap_err().code, "STREAM_MISMATCH");
        assert_eq!(
            units(&[LIST[1], LIST[1]], 2).unwrap_err().code,
            "PACKET_LIST"
        );
        assert_eq!(units(&["0, x"], 1).unwrap_err().code, "PACKET_LIST");
    }
}
