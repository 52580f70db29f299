//! From units of an elementary stream to samples of a container.

use errors::Error;
use ves_api::function::obu::{self, Obu};
use ves_api::function::{Framing, Track, annex_b};

/// Adds an access unit as a sample: each unit behind its length in four bytes in place of start
/// codes, or as it is where it tells its length itself. `first` is that of the whole video.
pub(crate) fn sample(
    track: &Track,
    unit: &[u8],
    first: bool,
    sample: &mut Vec<u8>,
) -> Result<(), Error> {
    match track.framing {
        Framing::AnnexB => lengths(track, unit, first, sample),
        Framing::Obu => bare(unit, sample),
        Framing::Whole => {
            sample.extend_from_slice(unit);
            Ok(())
        }
    }
}

fn lengths(track: &Track, unit: &[u8], first: bool, sample: &mut Vec<u8>) -> Result<(), Error> {
    let among = |list: &[ves_api::function::Bytes], unit: &[u8]| list.iter().any(|b| b.0 == unit);
    let kept =
        |unit: &&[u8]| !among(&track.out_of_band, unit) && (first || !among(&track.once, unit));
    for unit in annex_b::units(unit).filter(kept) {
        let length = u32::try_from(unit.len());
        let length = length.map_err(|_| Error::function("MP4", "a unit is beyond 4 GB"))?;
        sample.extend(length.to_be_bytes());
        sample.extend_from_slice(unit);
    }
    Ok(())
}

/// Containers tell where a temporal unit begins, so that its delimiter is left out.
fn bare(unit: &[u8], sample: &mut Vec<u8>) -> Result<(), Error> {
    for unit in obu::units(unit) {
        match unit {
            Some(unit) if unit.kind == Obu::TEMPORAL_DELIMITER => {}
            Some(unit) => sample.extend_from_slice(unit.whole),
            None => {
                let message = "a temporal unit is malformed";
                return Err(Error::function("CHUNK_MISMATCH", message));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ves_api::function::Bytes;

    use super::*;

    fn track(framing: Framing) -> Track {
        Track {
            sample_entry: "avc1".into(),
            configuration_box: "avcC".into(),
            configuration: Bytes::default(),
            matroska_codec: "V_MPEG4/ISO/AVC".into(),
            ivf_codec: String::new(),
            framing,
            out_of_band: vec![Bytes(vec![0x67, 66, 0xc0, 30]), Bytes(vec![0x68, 0xce])],
            once: vec![Bytes(vec![0x06, 5])],
        }
    }

    fn converted(framing: Framing, unit: &[u8], first: bool) -> Result<Vec<u8>, Error> {
        let mut out = vec![];
        sample(&track(framing), unit, first, &mut out)?;
        Ok(out)
    }

    const UNIT: [u8; 28] = [
        0, 0, 0, 1, 0x67, 66, 0xc0, 30, 0, 0, 0, 1, 0x68, 0xce, 0, 0, 1, 0x06, 5, 0, 0, 1, 0x65,
        0x88, 0, 0, 3, 1,
    ];

    #[test]
    fn start_codes_become_lengths_and_parameter_sets_move_out() {
        let picture = [0, 0, 0, 6, 0x65, 0x88, 0, 0, 3, 1];
        let with_note = [&[0, 0, 0, 2, 0x06, 5], &picture[..]].concat();
        assert_eq!(converted(Framing::AnnexB, &UNIT, true).unwrap(), with_note);
        assert_eq!(converted(Framing::AnnexB, &UNIT, false).unwrap(), picture);
    }

    #[test]
    fn units_that_are_not_carried_elsewhere_stay() {
        let mut other = UNIT;
        other[7] = 31;
        let kept = converted(Framing::AnnexB, &other, false).unwrap();
        assert_eq!(kept[..8], [0, 0, 0, 4, 0x67, 66, 0xc0, 31]);
    }

    #[test]
    fn temporal_units_lose_their_delimiter_alone() {
        let unit = [0x12, 0, 0x0a, 1, 7, 0x32, 2, 8, 9];
        assert_eq!(converted(Framing::Obu, &unit, true).unwrap(), unit[2..]);
        assert_eq!(converted(Framing::Whole, &unit, true).unwrap(), unit);
        let error = converted(Framing::Obu, &unit[..8], true).unwrap_err();
        assert_eq!(error.code, "CHUNK_MISMATCH");
    }
}
