//! The facts of a sequence parameter set that a container repeats (ITU-T H.265, 7.3.2.2).

use ves_api::function::{Bits, annex_b};

/// What `hvcC` repeats of a sequence parameter set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpsFacts {
    /// Profile, tier, constraints and level of the whole stream (7.3.3).
    pub(crate) general: [u8; GENERAL_BYTES],
    /// Temporal layers.
    pub(crate) layers: u8,
    /// Whether each layer can be left at any picture.
    pub(crate) nested: bool,
    /// 0 = monochrome, 1 = 4:2:0, 2 = 4:2:2, 3 = 4:4:4.
    pub(crate) chroma_format: u8,
    pub(crate) bit_depth_luma: u8,
    pub(crate) bit_depth_chroma: u8,
}

/// Bytes of `general_profile_space` to `general_level_idc`.
pub(crate) const GENERAL_BYTES: usize = 12;

/// The facts of a whole unit, header included. `None` when it is malformed.
pub(crate) fn sps_facts(sps: &[u8]) -> Option<SpsFacts> {
    let said = annex_b::payload(sps);
    let said = said.get(2..)?;
    let mut bits = Bits::new(said);
    bits.skip(4)?; // sps_video_parameter_set_id
    let layers = bits.number(3)? as u8 + 1;
    let nested = bits.flag()?;
    let general = said.get(1..)?.first_chunk().copied()?;
    bits.skip(8 * GENERAL_BYTES as u32)?;
    pass_over_layers(&mut bits, layers)?;
    bits.variable()?; // sps_seq_parameter_set_id
    let chroma_format = up_to(bits.variable()?, 3)?;
    if chroma_format == 3 {
        bits.flag()?; // separate_colour_plane_flag
    }
    pass_over_size(&mut bits)?;
    let (luma, chroma) = (bits.variable()?, bits.variable()?);
    Some(SpsFacts {
        general,
        layers,
        nested,
        chroma_format,
        bit_depth_luma: up_to(luma, 8)? + 8,
        bit_depth_chroma: up_to(chroma, 8)? + 8,
    })
}

/// Profiles and levels of the layers below the highest.
fn pass_over_layers(bits: &mut Bits<'_>, layers: u8) -> Option<()> {
    const PROFILE: u32 = 88;
    const LEVEL: u32 = 8;
    let mut told = 0;
    for _ in 1..layers {
        told += if bits.flag()? { PROFILE } else { 0 };
        told += if bits.flag()? { LEVEL } else { 0 };
    }
    if layers > 1 {
        bits.skip(2 * (9 - u32::from(layers)))?; // reserved
    }
    bits.skip(told)
}

fn pass_over_size(bits: &mut Bits<'_>) -> Option<()> {
    bits.variable()?;
    bits.variable()?;
    let windowed = bits.flag()?;
    let offsets = if windowed { 4 } else { 0 };
    (0..offsets).try_for_each(|_| bits.variable().map(drop))
}

fn up_to(value: u32, most: u8) -> Option<u8> {
    u8::try_from(value).ok().filter(|value| *value <= most)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Of x265 3.5, 320x180 of 8 bits.
    const MAIN: [u8; 42] = [
        0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00,
        0x03, 0x00, 0x3c, 0xa0, 0x0a, 0x08, 0x0b, 0x9f, 0x79, 0x65, 0x66, 0x92, 0x4c, 0xaf, 0x01,
        0x69, 0x48, 0x20, 0x00, 0x00, 0x03, 0x00, 0x20, 0x00, 0x00, 0x03, 0x03,
    ];
    const GENERAL: [u8; GENERAL_BYTES] = [1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 0x3c];

    #[test]
    fn a_real_set_is_read() {
        let facts = SpsFacts {
            general: GENERAL,
            layers: 1,
            nested: true,
            chroma_format: 1,
            bit_depth_luma: 8,
            bit_depth_chroma: 8,
        };
        assert_eq!(sps_facts(&MAIN), Some(facts));
    }

    #[test]
    fn layers_chroma_and_depth_are_told() {
        // Two layers, the lower with a level: id 0, 4:4:4 of one plane, 1x1, whole, 10 and 9 bits.
        let layers = [
            &[0x42, 1, 0b0000_0010][..],
            &GENERAL,
            &[0b0100_0000, 0, 0x3c],
        ]
        .concat();
        let rest = [0b1001_0000, 0b1001_0001, 0b1010_0000];
        let facts = sps_facts(&[layers, rest.into()].concat());
        let told = facts.map(|f| (f.layers, f.nested, f.chroma_format));
        assert_eq!(told, Some((2, false, 3)));
        let depths = facts.map(|f| (f.bit_depth_luma, f.bit_depth_chroma));
        assert_eq!(depths, Some((10, 9)));
    }

    #[test]
    fn what_is_cut_short_is_refused() {
        for length in [0, 2, 3, 14, 18, 20] {
            assert_eq!(sps_facts(&MAIN[..length]), None, "{length}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(sps in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some(facts) = sps_facts(&sps) {
                prop_assert!(facts.chroma_format <= 3 && (8..=16).contains(&facts.bit_depth_luma));
            }
        }
    }
}
