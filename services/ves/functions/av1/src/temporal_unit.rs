//! What belongs to one instant: a delimiter, then the frames up to the one that is shown
//! (AV1 bitstream specification, 7.5).

use errors::Error;
use ves_api::function::obu::{self, Obu};

/// One temporal unit, found well-formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TemporalUnit<'a> {
    /// Whether decoding can start here: a key frame that is shown, behind a sequence header.
    pub(crate) key: bool,
    /// The sequence header, whole.
    pub(crate) sequence_header: Option<Obu<'a>>,
}

impl<'a> TemporalUnit<'a> {
    /// Refuses what does not begin with its only delimiter or does not show exactly one frame.
    pub(crate) fn of(bytes: &'a [u8]) -> Result<Self, Error> {
        let (mut sequence_header, mut shown, mut key) = (None, 0, false);
        for (place, unit) in obu::units(bytes).enumerate() {
            let unit = unit.ok_or_else(|| malformed("it is cut short"))?;
            let delimits = unit.kind == Obu::TEMPORAL_DELIMITER;
            if delimits != (place == 0) {
                return Err(malformed("it does not begin with its only delimiter"));
            }
            match unit.kind {
                Obu::SEQUENCE_HEADER => sequence_header = Some(unit),
                Obu::FRAME | Obu::FRAME_HEADER => {
                    let frame = Frame::of(unit.payload);
                    let frame = frame.ok_or_else(|| malformed("a frame has no header"))?;
                    shown += u64::from(frame.shown);
                    key |= frame.is_shown_key() && sequence_header.is_some();
                }
                _ => {}
            }
        }
        match shown {
            1 => Ok(Self {
                key,
                sequence_header,
            }),
            n => Err(malformed(&format!("it shows {n} frames"))),
        }
    }
}

fn malformed(why: &str) -> Error {
    Error::function(
        "TEMPORAL_UNIT",
        format!("a temporal unit is malformed: {why}"),
    )
}

/// The start of a frame header (5.9.2), of a sequence that is no still picture.
struct Frame {
    existing: bool,
    kind: u8,
    shown: bool,
}

impl Frame {
    const KEY: u8 = 0;

    fn of(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let existing = first & 0x80 != 0;
        Some(Self {
            existing,
            kind: first >> 5 & 3,
            shown: existing || first & 0x10 != 0,
        })
    }

    fn is_shown_key(&self) -> bool {
        self.shown && !self.existing && self.kind == Self::KEY
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const DELIMITER: [u8; 2] = [0x12, 0];
    const SEQUENCE: [u8; 3] = [0x0a, 1, 0];
    /// Shown key frame, hidden inter frame, shown inter frame, frame shown again.
    const FRAMES: [[u8; 3]; 4] = [
        [0x32, 1, 0b0001_0000],
        [0x32, 1, 0b0010_0000],
        [0x32, 1, 0b0011_0000],
        [0x1a, 1, 0b1000_0000],
    ];

    fn unit(parts: &[&[u8]]) -> Result<bool, String> {
        let bytes = parts.concat();
        TemporalUnit::of(&bytes)
            .map(|unit| unit.key)
            .map_err(|e| e.code)
    }

    #[test]
    fn one_frame_is_shown_and_hidden_ones_stay_with_it() {
        let [key, hidden, shown, again] = &FRAMES;
        assert_eq!(unit(&[&DELIMITER, &SEQUENCE, key]), Ok(true));
        assert_eq!(unit(&[&DELIMITER, key]), Ok(false));
        assert_eq!(unit(&[&DELIMITER, hidden, hidden, shown]), Ok(false));
        assert_eq!(unit(&[&DELIMITER, again]), Ok(false));
    }

    #[test]
    fn anything_else_is_refused() {
        let [key, hidden, shown, _] = &FRAMES;
        let malformed: [&[&[u8]]; 7] = [
            &[],
            &[&DELIMITER],
            &[&SEQUENCE, key],
            &[&DELIMITER, hidden],
            &[&DELIMITER, shown, shown],
            &[&DELIMITER, shown, &DELIMITER],
            &[&DELIMITER, &shown[..2]],
        ];
        for parts in malformed {
            assert_eq!(unit(parts), Err("TEMPORAL_UNIT".into()), "{parts:?}");
        }
    }
}
