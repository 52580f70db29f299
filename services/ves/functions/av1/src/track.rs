//! What a container has to know of the stream (AV1 in ISO base media, 2.3).

use errors::Error;
use ves_api::function::{Bytes, Framing, Track};

use crate::sequence::{SequenceFacts, sequence_facts};
use crate::temporal_unit::TemporalUnit;

/// The sequence header of a stream.
#[derive(Debug, Default)]
pub(crate) struct Header {
    whole: Vec<u8>,
    facts: Option<SequenceFacts>,
}

impl Header {
    /// Takes a temporal unit; a sequence header must be that of the units before.
    pub(crate) fn take(&mut self, unit: &TemporalUnit<'_>) -> Result<(), Error> {
        let Some(header) = unit.sequence_header else {
            return Ok(());
        };
        if self.whole.is_empty() {
            self.whole = header.whole.to_vec();
            self.facts = sequence_facts(header.payload);
        }
        match self.whole == header.whole {
            true => Ok(()),
            false => Err(wrong("it changes within the chunk")),
        }
    }

    /// The track of the stream whose units were taken.
    pub(crate) fn track(self) -> Result<Track, Error> {
        let facts = self
            .facts
            .ok_or_else(|| wrong("it is missing or malformed"))?;
        Ok(Track {
            sample_entry: "av01".into(),
            configuration_box: "av1C".into(),
            configuration: Bytes([&head(&facts)[..], &self.whole].concat()),
            matroska_codec: "V_AV1".into(),
            ivf_codec: "AV01".into(),
            framing: Framing::Obu,
            out_of_band: vec![],
            once: vec![],
        })
    }
}

/// `AV1CodecConfigurationRecord` without its units.
fn head(facts: &SequenceFacts) -> [u8; 4] {
    let SequenceFacts {
        profile,
        level,
        high_tier,
        colour,
    } = *facts;
    let flags = [
        high_tier,
        colour.bit_depth > 8,
        colour.bit_depth == 12,
        colour.monochrome,
        colour.subsampling_x,
        colour.subsampling_y,
    ];
    let flags = flags
        .iter()
        .fold(0, |bits, flag| bits << 1 | u8::from(*flag));
    const MARKER_AND_VERSION: u8 = 0x81;
    [
        MARKER_AND_VERSION,
        profile << 5 | level,
        flags << 2 | colour.position,
        0,
    ]
}

fn wrong(why: &str) -> Error {
    Error::function(
        "SEQUENCE_HEADER",
        format!("the sequence header cannot be carried: {why}"),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const DELIMITER: [u8; 2] = [0x12, 0];
    const FRAME: [u8; 3] = [0x32, 1, 0b0001_0000];
    const HEADER: [u8; 13] = [
        0x0a, 11, 0, 0, 0, 0x2d, 0x4c, 0xff, 0xb3, 0xcf, 0xbf, 0x98, 0x24,
    ];

    fn track(units: &[Vec<u8>]) -> Result<Track, Error> {
        let mut header = Header::default();
        for unit in units {
            header.take(&TemporalUnit::of(unit)?)?;
        }
        header.track()
    }

    #[test]
    fn the_header_becomes_the_configuration() {
        let key = [&DELIMITER[..], &HEADER, &FRAME].concat();
        let track = track(&[key.clone(), key]).unwrap();
        assert_eq!(
            track.configuration.0,
            [&[0x81, 5, 0x0d, 0], &HEADER[..]].concat()
        );
    }

    #[test]
    fn a_header_that_changes_or_is_missing_is_refused() {
        let mut other = HEADER;
        other[5] = 0x2c;
        let with = |header: &[u8]| [&DELIMITER[..], header, &FRAME].concat();
        for units in [vec![with(&HEADER), with(&other)], vec![with(&[])], vec![]] {
            assert_eq!(track(&units).unwrap_err().code, "SEQUENCE_HEADER");
        }
    }
}
