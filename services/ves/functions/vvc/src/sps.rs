//! The facts of a sequence parameter set that a container repeats (ITU-T H.266, 7.3.2.4).

use ves_api::function::{Bits, annex_b};

/// What `vvcC` repeats of a sequence parameter set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpsFacts {
    /// `general_profile_idc` and `general_tier_flag`, in the byte that they share.
    pub(crate) profile_and_tier: u8,
    pub(crate) level: u8,
    /// `ptl_frame_only_constraint_flag` and `ptl_multilayer_enabled_flag`, at the top of a byte.
    pub(crate) constraints: u8,
    /// Temporal layers.
    pub(crate) layers: u8,
    /// 0 = monochrome, 1 = 4:2:0, 2 = 4:2:2, 3 = 4:4:4.
    pub(crate) chroma_format: u8,
    pub(crate) bit_depth: u8,
    /// Of the largest picture, with what is cropped for display.
    pub(crate) width: u16,
    pub(crate) height: u16,
}

/// The facts of a whole unit, header included. `None` when it is malformed, or says more than VVenC does:
/// constraints one by one, levels of layers, profiles within the profile, pictures within pictures.
pub(crate) fn sps_facts(sps: &[u8]) -> Option<SpsFacts> {
    let said = annex_b::payload(sps);
    let mut bits = Bits::new(said.get(2..)?);
    bits.skip(8)?; // sps_seq_parameter_set_id, sps_video_parameter_set_id
    let layers = bits.number(3)? as u8 + 1;
    let chroma_format = bits.number(2)? as u8;
    bits.skip(2)?; // sps_log2_ctu_size_minus5
    flag_is(&mut bits, true)?; // sps_ptl_dpb_hrd_params_present_flag
    let (profile_and_tier, level) = (bits.number(8)? as u8, bits.number(8)? as u8);
    let constraints = (bits.number(2)? as u8) << 6;
    pass_over_rest_of_profile(&mut bits, layers)?;
    bits.flag()?; // sps_gdr_enabled_flag
    if bits.flag()? {
        bits.flag()?; // sps_res_change_in_clvs_allowed_flag
    }
    let (width, height) = (bits.variable()?, bits.variable()?);
    let windowed = bits.flag()?;
    let offsets = if windowed { 4 } else { 0 };
    (0..offsets).try_for_each(|_| bits.variable().map(drop))?;
    flag_is(&mut bits, false)?; // sps_subpic_info_present_flag
    let deeper = bits.variable().filter(|deeper| *deeper <= 8)?;
    Some(SpsFacts {
        profile_and_tier,
        level,
        constraints,
        layers,
        chroma_format,
        bit_depth: 8 + deeper as u8,
        width: u16::try_from(width).ok()?,
        height: u16::try_from(height).ok()?,
    })
}

/// Behind its first 18 bits: none of what can follow, and zeros up to the next byte.
fn pass_over_rest_of_profile(bits: &mut Bits<'_>, layers: u8) -> Option<()> {
    flag_is(bits, false)?; // gci_present_flag
    bits.skip(5)?; // gci_alignment_zero_bit
    for _ in 1..layers {
        flag_is(bits, false)?; // ptl_sublayer_level_present_flag
    }
    let told = u32::from(layers - 1);
    bits.skip(told.next_multiple_of(8) - told)?; // ptl_reserved_zero_bit
    (bits.number(8)? == 0).then_some(()) // ptl_num_sub_profiles
}

fn flag_is(bits: &mut Bits<'_>, value: bool) -> Option<()> {
    (bits.flag()? == value).then_some(())
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The beginning of one of VVenC 1.15, 66x70 of 10 bits.
    pub(crate) const MAIN_10: [u8; 18] = [
        0x00, 0x79, 0x00, 0xab, 0x02, 0x10, 0x80, 0x00, 0x00, 0x80, 0x92, 0x04, 0x9c, 0x94, 0x6a,
        0x00, 0x73, 0x7f,
    ];

    #[test]
    fn a_real_set_is_read() {
        let facts = SpsFacts {
            profile_and_tier: 2,
            level: 16,
            constraints: 0x80,
            layers: 6,
            chroma_format: 1,
            bit_depth: 10,
            width: 72,
            height: 72,
        };
        assert_eq!(sps_facts(&MAIN_10), Some(facts));
    }

    #[test]
    fn what_says_more_or_is_cut_short_is_refused() {
        for length in [0, 2, 3, 6, 9, 12, 14] {
            assert_eq!(sps_facts(&MAIN_10[..length]), None, "{length}");
        }
        // Constraints; a layer's level; a profile within the profile.
        for (place, bit) in [(6, 0x20), (7, 0x80), (8, 1)] {
            let mut sps = MAIN_10;
            sps[place] |= bit;
            assert_eq!(sps_facts(&sps), None, "{place}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(sps in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some(facts) = sps_facts(&sps) {
                prop_assert!(facts.chroma_format <= 3 && (8..=16).contains(&facts.bit_depth));
            }
        }
    }
}
