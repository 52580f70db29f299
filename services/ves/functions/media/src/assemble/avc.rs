//! AVC in MP4: access units with lengths in place of start codes, parameter sets in the index.

use errors::Error;
use mp4_atom::{Avc1, Avcc, AvccExt, Colr, Encode, Pasp, Stsd, Visual};
use ves_avc::{Nal, nals, sps_facts};
use video::VideoFormat;

/// The parameter sets that every chunk shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParameterSets {
    sps: Vec<u8>,
    pps: Vec<u8>,
}

impl ParameterSets {
    /// Of an access unit that holds one of each.
    pub(crate) fn of(unit: &[u8]) -> Result<Self, Error> {
        let only = |kind: u8| {
            let mut found = nals(unit).filter(move |nal| nal.kind() == kind);
            found
                .next()
                .filter(|_| found.next().is_none())
                .map(|nal| nal.0.to_vec())
        };
        let sets = only(Nal::SPS)
            .zip(only(Nal::PPS))
            .map(|(sps, pps)| Self { sps, pps });
        sets.ok_or_else(|| {
            let message = "the first access unit does not have one parameter set of each kind";
            Error::function("PARAMETER_SETS", message)
        })
    }

    /// The sample description: `stsd` with one entry.
    pub(crate) fn description(&self, format: &VideoFormat) -> Result<Vec<u8>, Error> {
        let entry = Avc1 {
            visual: visual(format)?,
            avcc: self.configuration()?,
            btrt: None,
            colr: colour(format),
            pasp: Some(pixel_shape(format)?),
            taic: None,
            fiel: None,
            spatial: None,
        };
        let mut bytes = Vec::new();
        let encoded = Stsd {
            codecs: vec![entry.into()],
        }
        .encode(&mut bytes);
        encoded.map_err(|e| Error::function("MP4", format!("no sample description: {e}")))?;
        Ok(bytes)
    }

    fn configuration(&self) -> Result<Avcc, Error> {
        let facts = sps_facts(&self.sps).ok_or_else(|| {
            Error::function("PARAMETER_SETS", "the sequence parameter set is malformed")
        })?;
        Ok(Avcc {
            configuration_version: 1,
            avc_profile_indication: facts.profile,
            profile_compatibility: facts.compatibility,
            avc_level_indication: facts.level,
            length_size: 4,
            sequence_parameter_sets: vec![self.sps.clone()],
            picture_parameter_sets: vec![self.pps.clone()],
            ext: facts.high.map(|high| AvccExt {
                chroma_format: high.chroma_format,
                bit_depth_luma: high.bit_depth_luma,
                bit_depth_chroma: high.bit_depth_chroma,
                sequence_parameter_sets_ext: vec![],
            }),
        })
    }

    /// Adds an access unit as a sample. The encoder's note about itself is kept at the start of
    /// the file alone.
    pub(crate) fn sample(
        &self,
        unit: &[u8],
        first: bool,
        sample: &mut Vec<u8>,
    ) -> Result<(), Error> {
        for nal in nals(unit) {
            match nal.kind() {
                Nal::SPS => same(nal.0, &self.sps)?,
                Nal::PPS => same(nal.0, &self.pps)?,
                _ if !first && nal.is_encoder_note() => {}
                _ => {
                    let length = u32::try_from(nal.0.len());
                    let length =
                        length.map_err(|_| Error::function("MP4", "a unit is beyond 4 GB"))?;
                    sample.extend(length.to_be_bytes());
                    sample.extend_from_slice(nal.0);
                }
            }
        }
        Ok(())
    }
}

fn same(found: &[u8], expected: &[u8]) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    let message = "its parameter sets differ from those of the first chunk";
    Err(Error::function("PARAMETER_SETS", message))
}

fn visual(format: &VideoFormat) -> Result<Visual, Error> {
    let side = |length: u32| u16::try_from(length).map_err(|_| beyond("the picture"));
    Ok(Visual {
        data_reference_index: 1,
        width: side(format.resolution.width())?,
        height: side(format.resolution.height())?,
        horizresolution: 72.into(),
        vertresolution: 72.into(),
        frame_count: 1,
        compressor: Default::default(),
        depth: 24,
    })
}

fn pixel_shape(format: &VideoFormat) -> Result<Pasp, Error> {
    let shape = format.sample_aspect_ratio.as_rational();
    let side = |length: i64| u32::try_from(length).map_err(|_| beyond("the shape of a pixel"));
    Ok(Pasp {
        h_spacing: side(shape.numerator())?,
        v_spacing: side(shape.denominator())?,
    })
}

fn colour(format: &VideoFormat) -> Option<Colr> {
    let colour = format.colour;
    (!colour.is_unspecified()).then(|| Colr::Nclx {
        colour_primaries: colour.primaries.code().into(),
        transfer_characteristics: colour.transfer.code().into(),
        matrix_coefficients: colour.matrix.code().into(),
        full_range_flag: colour.range == video::Range::Full,
    })
}

fn beyond(what: &str) -> Error {
    Error::source("MP4", format!("{what} is beyond what MP4 can hold"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const UNIT: [u8; 23] = [
        0, 0, 0, 1, 0x67, 66, 0xc0, 30, 0, 0, 0, 1, 0x68, 0xce, 0, 0, 1, 0x65, 0x88, 0, 0, 3, 1,
    ];

    #[test]
    fn start_codes_become_lengths_and_parameter_sets_move_out() {
        let sets = ParameterSets::of(&UNIT).unwrap();
        let mut sample = vec![];
        sets.sample(&UNIT, true, &mut sample).unwrap();
        assert_eq!(sample, [0, 0, 0, 6, 0x65, 0x88, 0, 0, 3, 1]);
    }

    #[test]
    fn other_parameter_sets_are_refused() {
        let sets = ParameterSets::of(&UNIT).unwrap();
        let mut other = UNIT;
        other[7] = 31;
        assert_eq!(
            sets.sample(&other, true, &mut vec![]).unwrap_err().code,
            "PARAMETER_SETS"
        );
        assert_eq!(
            ParameterSets::of(&UNIT[13..]).unwrap_err().code,
            "PARAMETER_SETS"
        );
    }
}
