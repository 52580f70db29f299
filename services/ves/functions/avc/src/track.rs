//! What a container has to know of the stream (ISO/IEC 14496-15, 5.3).

use errors::Error;
use ves_api::function::{Bytes, Framing, Track, annex_b};

use crate::nal::Nal;
use crate::sps::{HighFacts, SpsFacts, sps_facts};

/// The units of a stream that belong to all of it.
#[derive(Debug, Default)]
pub(crate) struct ParameterSets {
    sps: Vec<u8>,
    pps: Vec<u8>,
    notes: Vec<Bytes>,
}

impl ParameterSets {
    /// Takes an access unit. Parameter sets must be those of the units before.
    pub(crate) fn take(&mut self, unit: &[u8]) -> Result<(), Error> {
        for bytes in annex_b::units(unit) {
            let nal = Nal(bytes);
            match nal.kind() {
                Nal::SPS => same(&mut self.sps, bytes)?,
                Nal::PPS => same(&mut self.pps, bytes)?,
                _ if nal.is_encoder_note() && self.notes.is_empty() => {
                    self.notes.push(bytes.into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The track of the stream whose units were taken.
    pub(crate) fn track(self) -> Result<Track, Error> {
        let configuration = self.configuration()?;
        Ok(Track {
            sample_entry: "avc1".into(),
            configuration_box: "avcC".into(),
            configuration: Bytes(configuration),
            matroska_codec: "V_MPEG4/ISO/AVC".into(),
            ivf_codec: String::new(),
            framing: Framing::AnnexB,
            out_of_band: vec![Bytes(self.sps), Bytes(self.pps)],
            once: self.notes,
        })
    }

    /// `AVCDecoderConfigurationRecord`, for lengths of four bytes.
    fn configuration(&self) -> Result<Vec<u8>, Error> {
        if self.pps.is_empty() {
            return Err(wrong("there is no picture parameter set"));
        }
        let facts = sps_facts(&self.sps)
            .ok_or_else(|| wrong("the sequence parameter set is missing or malformed"))?;
        let SpsFacts {
            profile,
            compatibility,
            level,
            high,
        } = facts;
        let mut bytes = vec![1, profile, compatibility, level, 0xff];
        for (count, set) in [(0xe1, &self.sps), (1, &self.pps)] {
            let length = u16::try_from(set.len()).map_err(|_| wrong("a set is too long"))?;
            bytes.push(count);
            bytes.extend(length.to_be_bytes());
            bytes.extend(set);
        }
        bytes.extend(high.into_iter().flat_map(extension));
        Ok(bytes)
    }
}

fn extension(high: HighFacts) -> [u8; 4] {
    let HighFacts {
        chroma_format,
        bit_depth_luma,
        bit_depth_chroma,
    } = high;
    [
        0xfc | chroma_format,
        0xf8 | (bit_depth_luma - 8),
        0xf8 | (bit_depth_chroma - 8),
        0,
    ]
}

fn same(known: &mut Vec<u8>, found: &[u8]) -> Result<(), Error> {
    if known.is_empty() {
        known.extend(found);
    }
    match known == found {
        true => Ok(()),
        false => Err(wrong("they change within the chunk")),
    }
}

fn wrong(why: &str) -> Error {
    let message = format!("the parameter sets cannot be carried by a container: {why}");
    Error::function("PARAMETER_SETS", message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SPS: [u8; 6] = [0x67, 100, 0, 31, 0b1010_1100, 1];
    const PPS: [u8; 2] = [0x68, 0xce];

    fn unit(nals: &[&[u8]]) -> Vec<u8> {
        nals.iter()
            .flat_map(|nal| [&[0, 0, 0, 1], *nal].concat())
            .collect()
    }

    fn track(units: &[Vec<u8>]) -> Result<Track, Error> {
        let mut sets = ParameterSets::default();
        units.iter().try_for_each(|unit| sets.take(unit))?;
        sets.track()
    }

    #[test]
    fn parameter_sets_become_the_configuration() {
        let idr = unit(&[&SPS, &PPS, &[0x65, 0x88]]);
        let track = track(&[idr.clone(), unit(&[&[0x41, 9]]), idr]).unwrap();
        assert_eq!(
            track.configuration.to_string(),
            "0164001fffe1000667".to_owned() + "64001fac01" + "01000268ce" + "fdf8f800"
        );
        assert_eq!(track.out_of_band, [Bytes(SPS.into()), Bytes(PPS.into())]);
        assert!(track.once.is_empty());
    }

    #[test]
    fn sets_that_change_or_are_missing_are_refused() {
        let mut other = SPS;
        other[3] = 40;
        for units in [
            vec![unit(&[&SPS, &PPS]), unit(&[&other])],
            vec![unit(&[&SPS])],
            vec![unit(&[&PPS])],
            vec![unit(&[&SPS[..4], &PPS])],
            vec![],
        ] {
            assert_eq!(
                track(&units).unwrap_err().code,
                "PARAMETER_SETS",
                "{units:?}"
            );
        }
    }
}
