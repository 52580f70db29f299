//! What a container has to know of the stream (ISO/IEC 14496-15, 8.3).

use errors::Error;
use ves_api::function::{Bytes, Framing, Track, annex_b};

use crate::nal::Nal;
use crate::sps::{SpsFacts, sps_facts};

/// Sets of a stream, in the order in which they build on one another.
const KINDS: [u8; 3] = [Nal::VPS, Nal::SPS, Nal::PPS];

/// The units of a stream that belong to all of it, by the places of [`KINDS`].
#[derive(Debug, Default)]
pub(crate) struct ParameterSets([Vec<u8>; 3]);

impl ParameterSets {
    /// Takes an access unit. Parameter sets must be those of the units before.
    pub(crate) fn take(&mut self, unit: &[u8]) -> Result<(), Error> {
        for bytes in annex_b::units(unit) {
            let kind = Nal(bytes).kind();
            let place = KINDS.iter().position(|known| Some(*known) == kind);
            if let Some(place) = place {
                same(&mut self.0[place], bytes)?;
            }
        }
        Ok(())
    }

    /// The track of the stream whose units were taken. Its sample entry promises that no sample
    /// holds a parameter set.
    pub(crate) fn track(self) -> Result<Track, Error> {
        Ok(Track {
            sample_entry: "hvc1".into(),
            configuration_box: "hvcC".into(),
            configuration: Bytes(self.configuration()?),
            matroska_codec: "V_MPEGH/ISO/HEVC".into(),
            ivf_codec: String::new(),
            framing: Framing::AnnexB,
            out_of_band: self.0.map(Bytes).into(),
            once: vec![],
        })
    }

    /// `HEVCDecoderConfigurationRecord`, for lengths of four bytes.
    fn configuration(&self) -> Result<Vec<u8>, Error> {
        let [vps, sps, pps] = &self.0;
        if vps.is_empty() || pps.is_empty() {
            return Err(wrong("the video or the picture parameter set is missing"));
        }
        let facts = sps_facts(sps)
            .ok_or_else(|| wrong("the sequence parameter set is missing or malformed"))?;
        let mut bytes = head(&facts);
        for (kind, set) in KINDS.iter().zip(&self.0) {
            const COMPLETE: u8 = 0x80;
            let length = u16::try_from(set.len()).map_err(|_| wrong("a set is too long"))?;
            bytes.extend([COMPLETE | kind, 0, 1]);
            bytes.extend(length.to_be_bytes());
            bytes.extend(set);
        }
        Ok(bytes)
    }
}

/// The record up to its sets. Reserved bits are ones; what nobody told is 0.
fn head(facts: &SpsFacts) -> Vec<u8> {
    const LENGTH_BYTES: u8 = 4;
    let mut bytes = vec![1];
    bytes.extend(facts.general);
    bytes.extend([
        0xf0, // min_spatial_segmentation_idc, of two bytes
        0,
        0xfc, // parallelismType
        0xfc | facts.chroma_format,
        0xf8 | (facts.bit_depth_luma - 8),
        0xf8 | (facts.bit_depth_chroma - 8),
        0, // avgFrameRate, of two bytes
        0,
        facts.layers << 3 | u8::from(facts.nested) << 2 | (LENGTH_BYTES - 1),
        KINDS.len() as u8,
    ]);
    bytes
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

    const VPS: [u8; 3] = [0x40, 1, 0x0c];
    /// One layer, 4:2:2 of 10 bits, 1x1.
    const SPS: [u8; 18] = [
        0x42,
        1,
        1,
        4,
        8,
        0,
        1,
        2,
        0x9d,
        8,
        1,
        2,
        3,
        4,
        123,
        0b1011_0100,
        0b1000_1101,
        0b1100_0000,
    ];
    const PPS: [u8; 3] = [0x44, 1, 0xc1];

    fn unit(nals: &[&[u8]]) -> Vec<u8> {
        let nal = |nal: &&[u8]| [&[0, 0, 0, 1], *nal].concat();
        nals.iter().flat_map(nal).collect()
    }

    fn track(units: &[Vec<u8>]) -> Result<Track, Error> {
        let mut sets = ParameterSets::default();
        units.iter().try_for_each(|unit| sets.take(unit))?;
        sets.track()
    }

    #[test]
    fn parameter_sets_become_the_configuration() {
        let idr = unit(&[&VPS, &SPS, &PPS, &[0x26, 1, 9]]);
        let track = track(&[idr.clone(), unit(&[&[2, 1, 9]]), idr]).unwrap();
        let general = "0104080001029d08010203047b";
        let head = format!("{general}f000fcfefafa00000f03");
        let sets = format!(
            "a000010003{}a100010012{}a200010003{}",
            Bytes(VPS.into()),
            Bytes(SPS.into()),
            Bytes(PPS.into())
        );
        assert_eq!(track.configuration.to_string(), head + &sets);
        let sets = [VPS.to_vec(), SPS.to_vec(), PPS.to_vec()].map(Bytes);
        assert_eq!(track.out_of_band, sets);
    }

    #[test]
    fn sets_that_change_or_are_missing_are_refused() {
        let mut other = SPS;
        other[14] = 93;
        for units in [
            vec![unit(&[&VPS, &SPS, &PPS]), unit(&[&other])],
            vec![unit(&[&SPS, &PPS])],
            vec![unit(&[&VPS, &SPS])],
            vec![unit(&[&VPS, &SPS[..15], &PPS])],
            vec![],
        ] {
            let refused = track(&units).unwrap_err();
            assert_eq!(refused.code, "PARAMETER_SETS", "{units:?}");
        }
    }
}
