//! What a container has to know of the stream (ISO/IEC 14496-15, 11.2.4).

use errors::Error;
use ves_api::function::{Bytes, Framing, Track, annex_b};

use crate::nal::Nal;
use crate::sps::{SpsFacts, sps_facts};

/// Sets of a stream, in the order in which they build on one another.
const KINDS: [u8; 2] = [Nal::SPS, Nal::PPS];

/// The units of a stream that belong to all of it, by the places of [`KINDS`]. Sets of adaptive
/// parameters belong to the pictures that they come with, and stay there.
#[derive(Debug, Default)]
pub(crate) struct ParameterSets([Vec<u8>; 2]);

impl ParameterSets {
    /// Takes an access unit. Parameter sets must be those of the units before.
    pub(crate) fn take(&mut self, unit: &[u8]) -> Result<(), Error> {
        for bytes in annex_b::units(unit) {
            let kind = Nal(bytes).kind();
            if kind == Some(Nal::VPS) {
                return Err(wrong("the stream has several layers"));
            }
            let place = KINDS.iter().position(|known| Some(*known) == kind);
            if let Some(place) = place {
                same(&mut self.0[place], bytes)?;
            }
        }
        Ok(())
    }

    /// The track of the stream whose units were taken. Its sample entry promises that no sample
    /// holds one of these sets.
    pub(crate) fn track(self) -> Result<Track, Error> {
        Ok(Track {
            sample_entry: "vvc1".into(),
            configuration_box: "vvcC".into(),
            configuration: Bytes(self.configuration()?),
            matroska_codec: String::new(),
            ivf_codec: String::new(),
            framing: Framing::AnnexB,
            out_of_band: self.0.map(Bytes).into(),
            once: vec![],
        })
    }

    /// `VvcDecoderConfigurationRecord`, for lengths of four bytes, in a full box of version 0.
    fn configuration(&self) -> Result<Vec<u8>, Error> {
        let [sps, pps] = &self.0;
        if pps.is_empty() {
            return Err(wrong("the picture parameter set is missing"));
        }
        let facts = sps_facts(sps).ok_or_else(|| {
            wrong("the sequence parameter set is missing, or none that VVenC writes")
        })?;
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
    const PROFILE_PRESENT: u8 = 1;
    const CONSTRAINT_BYTES: u8 = 1;
    let mut bytes = vec![
        0,
        0,
        0,
        0,
        0xf8 | (LENGTH_BYTES - 1) << 1 | PROFILE_PRESENT,
        0,                                       // ols_idx, of nine bits
        facts.layers << 4 | facts.chroma_format, // between them constant_frame_rate, of two
        (facts.bit_depth - 8) << 5 | 0x1f,
        CONSTRAINT_BYTES,
        facts.profile_and_tier,
        facts.level,
        facts.constraints,
    ];
    if facts.layers > 1 {
        bytes.push(0); // ptl_sublayer_level_present_flag
    }
    bytes.push(0); // ptl_num_sub_profiles
    bytes.extend(facts.width.to_be_bytes());
    bytes.extend(facts.height.to_be_bytes());
    bytes.extend([0, 0]); // avg_frame_rate
    bytes.push(KINDS.len() as u8);
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
    use crate::sps::tests::MAIN_10 as SPS;

    const VPS: [u8; 3] = [0, 0x71, 0x10];
    const PPS: [u8; 3] = [0, 0x81, 0x10];

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
        let idr = unit(&[&SPS, &PPS, &[0, 0x41, 9]]);
        let adaptive = [0, 0x89, 1];
        let track = track(&[idr.clone(), unit(&[&adaptive, &[0, 1, 9]]), idr]).unwrap();
        // As ffmpeg 9 writes it of the same set, but that it says of the rate that it is constant.
        let head = "00000000ff00615f01021080000000480048000002";
        let sets = format!(
            "8f00010012{}9000010003{}",
            Bytes(SPS.into()),
            Bytes(PPS.into())
        );
        assert_eq!(track.configuration.to_string(), head.to_owned() + &sets);
        let sets = [SPS.to_vec(), PPS.to_vec()].map(Bytes);
        assert_eq!(track.out_of_band, sets);
    }

    #[test]
    fn sets_that_change_or_are_missing_are_refused() {
        let mut other = SPS;
        other[5] = 32;
        for units in [
            vec![unit(&[&SPS, &PPS]), unit(&[&other])],
            vec![unit(&[&VPS, &SPS, &PPS])],
            vec![unit(&[&PPS])],
            vec![unit(&[&SPS])],
            vec![unit(&[&SPS[..12], &PPS])],
            vec![],
        ] {
            let refused = track(&units).unwrap_err();
            assert_eq!(refused.code, "PARAMETER_SETS", "{units:?}");
        }
    }
}
