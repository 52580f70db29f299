//! The start of a frame (VP9 bitstream specification, 6.2: `uncompressed_header`).

use ves_api::function::Bits;

/// What a frame says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) shown: bool,
    /// Set for a key frame, behind which nothing refers to what was before.
    pub(crate) key: Option<KeyFacts>,
}

/// What a container repeats of a key frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyFacts {
    pub(crate) profile: u8,
    pub(crate) bit_depth: u8,
    pub(crate) subsampling_x: bool,
    pub(crate) subsampling_y: bool,
    pub(crate) full_range: bool,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Frame {
    /// `None` when it is malformed.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        const MARKER: u32 = 2;
        let mut bits = Bits::new(bytes);
        if bits.number(2)? != MARKER {
            return None;
        }
        let (low, high) = (bits.number(1)?, bits.number(1)?);
        let profile = (high << 1 | low) as u8;
        if profile == 3 && bits.flag()? {
            return None; // reserved
        }
        if bits.flag()? {
            // A frame that was decoded before is shown.
            return Some(Self {
                shown: true,
                key: None,
            });
        }
        let (inter, shown) = (bits.flag()?, bits.flag()?);
        bits.flag()?; // error_resilient_mode
        let key = match inter {
            true => None,
            false => Some(key_facts(&mut bits, profile)?),
        };
        Some(Self { shown, key })
    }
}

fn key_facts(bits: &mut Bits<'_>, profile: u8) -> Option<KeyFacts> {
    const SYNC: u32 = 0x49_83_42;
    const RGB: u32 = 7;
    if bits.number(24)? != SYNC {
        return None;
    }
    let bit_depth = match profile >= 2 {
        true if bits.flag()? => 12,
        true => 10,
        false => 8,
    };
    let colour_space = bits.number(3)?;
    let full_range = colour_space == RGB || bits.flag()?;
    let (subsampling_x, subsampling_y) = match (colour_space, profile & 1) {
        (RGB, 0) => return None,
        (RGB, _) => (false, false),
        (_, 0) => (true, true),
        _ => (bits.flag()?, bits.flag()?),
    };
    if profile & 1 == 1 && bits.flag()? {
        return None; // reserved
    }
    Some(KeyFacts {
        profile,
        bit_depth,
        subsampling_x,
        subsampling_y,
        full_range,
        width: bits.number(16)? + 1,
        height: bits.number(16)? + 1,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_real_key_frame_tells_its_size() {
        // Of libvpx 1.12: 320x180 of 8 bits, full range, BT.2020.
        let bytes = [0x82, 0x49, 0x83, 0x42, 0xb0, 0x13, 0xf0, 0x0b, 0x34, 0x04];
        let key = KeyFacts {
            profile: 0,
            bit_depth: 8,
            subsampling_x: true,
            subsampling_y: true,
            full_range: true,
            width: 320,
            height: 180,
        };
        let expected = Frame {
            shown: true,
            key: Some(key),
        };
        assert_eq!(Frame::of(&bytes), Some(expected));
        assert_eq!(Frame::of(&bytes[..8]), None);
    }

    #[test]
    fn higher_profiles_tell_depth_and_subsampling() {
        // Profile 3: marker 10, 1, 1, 0; not shown before; key, shown, not resilient; sync; 10 bits;
        // BT.709, limited; 4:4:4; 1x1.
        let bytes = [
            0b1011_0001,
            0b0010_0100,
            0b1100_0001,
            0b1010_0001,
            0b0001_0000,
            0,
            0,
            0,
            0,
            0,
        ];
        let found = Frame::of(&bytes).and_then(|frame| frame.key);
        let told = found.map(|key| (key.profile, key.bit_depth, key.subsampling_x));
        assert_eq!(told, Some((3, 10, false)));
    }

    #[test]
    fn other_frames_are_shown_or_hidden() {
        let told = |byte: u8| Frame::of(&[byte, 0]).map(|frame| (frame.shown, frame.key));
        assert_eq!(told(0b1000_0110), Some((true, None)));
        assert_eq!(told(0b1000_0100), Some((false, None)));
        assert_eq!(told(0b1000_1000), Some((true, None)));
        assert_eq!(told(0b0100_0110), None);
        assert_eq!(Frame::of(&[]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            if let Some(key) = Frame::of(&bytes).and_then(|frame| frame.key) {
                prop_assert!(key.profile <= 3 && key.width >= 1 && key.height >= 1);
            }
        }
    }
}
