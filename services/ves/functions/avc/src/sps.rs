//! The few facts of a sequence parameter set that a container repeats (ITU-T H.264, 7.3.2.1.1).

use ves_api::function::Bits;

/// What `avcC` repeats of a sequence parameter set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpsFacts {
    pub(crate) profile: u8,
    /// `constraint_set` flags.
    pub(crate) compatibility: u8,
    pub(crate) level: u8,
    /// Chroma format and bit depths of luma and chroma; set only for the profiles that write
    /// them down.
    pub(crate) high: Option<HighFacts>,
}

/// See [`SpsFacts::high`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HighFacts {
    /// 0 = monochrome, 1 = 4:2:0, 2 = 4:2:2, 3 = 4:4:4.
    pub(crate) chroma_format: u8,
    pub(crate) bit_depth_luma: u8,
    pub(crate) bit_depth_chroma: u8,
}

/// Profiles whose parameter sets tell chroma format and bit depths.
const HIGH_PROFILES: [u8; 11] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139];

/// The facts of a whole unit, header byte included. `None` when it is malformed.
pub(crate) fn sps_facts(sps: &[u8]) -> Option<SpsFacts> {
    let [_, profile, compatibility, level, rest @ ..] = sps else {
        return None;
    };
    let high = match HIGH_PROFILES.contains(profile) {
        true => Some(high_facts(rest)?),
        false => None,
    };
    Some(SpsFacts {
        profile: *profile,
        compatibility: *compatibility,
        level: *level,
        high,
    })
}

/// The first few fields hold no emulation prevention.
fn high_facts(payload: &[u8]) -> Option<HighFacts> {
    let mut bits = Bits::new(payload);
    bits.variable()?; // seq_parameter_set_id
    let chroma_format = u8::try_from(bits.variable()?)
        .ok()
        .filter(|format| *format <= 3)?;
    if chroma_format == 3 {
        bits.flag()?; // separate_colour_plane_flag
    }
    let mut depth = || {
        u8::try_from(bits.variable()?)
            .ok()
            .filter(|extra| *extra <= 6)
            .map(|n| n + 8)
    };
    Some(HighFacts {
        chroma_format,
        bit_depth_luma: depth()?,
        bit_depth_chroma: depth()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn high_profiles_tell_depth_and_chroma() {
        // profile 100: id 0 (1), chroma 1 (010), depths 8 (1)(1)
        let facts = sps_facts(&[0x67, 100, 0, 31, 0b1010_1100]);
        let high = HighFacts {
            chroma_format: 1,
            bit_depth_luma: 8,
            bit_depth_chroma: 8,
        };
        assert_eq!(facts.and_then(|facts| facts.high), Some(high));
        // profile 122: id 0 (1), chroma 2 (011), depths 10 (011)(011)
        let facts = sps_facts(&[0x67, 122, 0, 31, 0b1011_0110, 0b1100_0000]);
        let high = HighFacts {
            chroma_format: 2,
            bit_depth_luma: 10,
            bit_depth_chroma: 10,
        };
        assert_eq!(facts.and_then(|facts| facts.high), Some(high));
    }

    #[test]
    fn others_do_not_and_what_is_cut_short_is_refused() {
        assert_eq!(
            sps_facts(&[0x67, 66, 0xc0, 30]).map(|facts| facts.high),
            Some(None)
        );
        assert_eq!(sps_facts(&[0x67, 100, 0, 31]), None);
        assert_eq!(sps_facts(&[0x67, 100, 0, 31, 0, 0, 0, 0]), None);
        assert_eq!(sps_facts(&[0x67]), None);
    }
}
