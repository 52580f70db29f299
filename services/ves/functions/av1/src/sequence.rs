//! The facts of a sequence header that a container repeats (AV1 bitstream specification, 5.5).

use ves_api::function::Bits;

/// What `av1C` repeats of a sequence header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SequenceFacts {
    pub(crate) profile: u8,
    /// `seq_level_idx` of the first operating point.
    pub(crate) level: u8,
    /// Whether that is of the high tier.
    pub(crate) high_tier: bool,
    pub(crate) colour: ColourFacts,
}

/// Of `color_config`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ColourFacts {
    /// 8, 10 or 12.
    pub(crate) bit_depth: u8,
    pub(crate) monochrome: bool,
    pub(crate) subsampling_x: bool,
    pub(crate) subsampling_y: bool,
    /// `chroma_sample_position`.
    pub(crate) position: u8,
}

/// The facts of a sequence header's payload. `None` when it is malformed, or that of a still
/// picture.
pub(crate) fn sequence_facts(payload: &[u8]) -> Option<SequenceFacts> {
    let mut bits = Bits::new(payload);
    let profile = bits.number(3)? as u8;
    let (_still, reduced) = (bits.flag()?, bits.flag()?);
    if reduced || profile > 2 {
        return None;
    }
    let (level, high_tier) = operating_points(&mut bits)?;
    frame_size(&mut bits)?;
    tools(&mut bits)?;
    Some(SequenceFacts {
        profile,
        level,
        high_tier,
        colour: colour(&mut bits, profile)?,
    })
}

/// Timing and operating points; level and tier of the first.
fn operating_points(bits: &mut Bits<'_>) -> Option<(u8, bool)> {
    let mut delay_bits = None;
    if bits.flag()? {
        bits.skip(64)?; // num_units_in_display_tick, time_scale
        if bits.flag()? {
            bits.variable()?; // num_ticks_per_picture_minus_1
        }
        if bits.flag()? {
            delay_bits = Some(bits.number(5)? + 1);
            bits.skip(32 + 5 + 5)?; // the rest of decoder_model_info
        }
    }
    let initial_delay_present = bits.flag()?;
    let mut first = None;
    for _ in 0..=bits.number(5)? {
        bits.skip(12)?; // operating_point_idc
        let level = bits.number(5)? as u8;
        let high_tier = level > 7 && bits.flag()?;
        if let Some(delay_bits) = delay_bits
            && bits.flag()?
        {
            bits.skip(2 * delay_bits + 1)?; // operating_parameters_info
        }
        if initial_delay_present && bits.flag()? {
            bits.skip(4)?;
        }
        first = first.or(Some((level, high_tier)));
    }
    first
}

fn frame_size(bits: &mut Bits<'_>) -> Option<()> {
    let (width_bits, height_bits) = (bits.number(4)? + 1, bits.number(4)? + 1);
    bits.skip(width_bits + height_bits)?;
    if bits.flag()? {
        bits.skip(4 + 3)?; // lengths of frame ids
    }
    Some(())
}

/// What lies between the size and the colour: the coding tools.
fn tools(bits: &mut Bits<'_>) -> Option<()> {
    const SELECTED_PER_FRAME: u32 = 2;
    bits.skip(3 + 4)?; // superblocks, intra tools; inter-intra, masks, warps, filters
    let order_hint = bits.flag()?;
    if order_hint {
        bits.skip(2)?; // jnt_comp, ref_frame_mvs
    }
    let screen_content = match bits.flag()? {
        true => SELECTED_PER_FRAME,
        false => bits.number(1)?,
    };
    if screen_content > 0 && !bits.flag()? {
        bits.skip(1)?; // seq_force_integer_mv
    }
    if order_hint {
        bits.skip(3)?; // order_hint_bits_minus_1
    }
    bits.skip(3) // superres, cdef, restoration
}

fn colour(bits: &mut Bits<'_>, profile: u8) -> Option<ColourFacts> {
    let bit_depth = match (bits.flag()?, profile) {
        (true, 2) if bits.flag()? => 12,
        (true, _) => 10,
        (false, _) => 8,
    };
    let monochrome = profile != 1 && bits.flag()?;
    let description = match bits.flag()? {
        true => [bits.number(8)?, bits.number(8)?, bits.number(8)?],
        false => [2; 3],
    };
    let (subsampling_x, subsampling_y) = match (monochrome, description) {
        (true, _) => {
            bits.skip(1)?; // color_range
            (true, true)
        }
        // Red, green and blue by sRGB.
        (false, [1, 13, 0]) => (false, false),
        _ => {
            bits.skip(1)?; // color_range
            subsampling(bits, profile, bit_depth)?
        }
    };
    let sited = !monochrome && subsampling_x && subsampling_y;
    Some(ColourFacts {
        bit_depth,
        monochrome,
        subsampling_x,
        subsampling_y,
        position: if sited { bits.number(2)? as u8 } else { 0 },
    })
}

fn subsampling(bits: &mut Bits<'_>, profile: u8, bit_depth: u8) -> Option<(bool, bool)> {
    match (profile, bit_depth) {
        (0, _) => Some((true, true)),
        (1, _) => Some((false, false)),
        (_, 12) if bits.flag()? => Some((true, bits.flag()?)),
        (_, 12) => Some((false, false)),
        _ => Some((true, false)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    /// Of SVT-AV1 1.4.1, 1280x720 of 8 bits without colour.
    const SVT: [u8; 11] = [0, 0, 0, 0x2d, 0x4c, 0xff, 0xb3, 0xcf, 0xbf, 0x98, 0x24];

    #[test]
    fn a_real_header_is_read() {
        let facts = sequence_facts(&SVT).unwrap();
        let colour = ColourFacts {
            bit_depth: 8,
            monochrome: false,
            subsampling_x: true,
            subsampling_y: true,
            position: 1,
        };
        assert_eq!(
            facts,
            SequenceFacts {
                profile: 0,
                level: 5,
                high_tier: false,
                colour
            }
        );
    }

    #[test]
    fn what_is_cut_short_or_a_still_picture_is_refused() {
        assert_eq!(sequence_facts(&SVT[..9]), None);
        assert_eq!(sequence_facts(&[0b0001_1000]), None);
        assert_eq!(sequence_facts(&[]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(payload in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some(facts) = sequence_facts(&payload) {
                prop_assert!(facts.profile <= 2 && [8, 10, 12].contains(&facts.colour.bit_depth));
            }
        }
    }
}
