//! Network abstraction layer units (ITU-T H.264, 7.3.1).

/// One unit, without its start code, as [`ves_api::function::annex_b`] gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nal<'a>(pub(crate) &'a [u8]);

impl Nal<'_> {
    /// Slice of an instantaneous decoding refresh picture.
    pub(crate) const IDR: u8 = 5;
    /// Supplemental enhancement information.
    pub(crate) const SEI: u8 = 6;
    /// Sequence parameter set.
    pub(crate) const SPS: u8 = 7;
    /// Picture parameter set.
    pub(crate) const PPS: u8 = 8;

    /// `nal_unit_type`.
    pub(crate) fn kind(self) -> u8 {
        self.0.first().map_or(0, |header| header & 0x1f)
    }

    /// Whether it is the note by which x264 tells its version and settings.
    pub(crate) fn is_encoder_note(self) -> bool {
        const UUID: [u8; 16] = [
            0xdc, 0x45, 0xe9, 0xbd, 0xe6, 0xd9, 0x48, 0xb7, 0x96, 0x2c, 0xd8, 0x20, 0xd9, 0x23,
            0xee, 0xef,
        ];
        const USER_DATA: u8 = 5;
        // The size of the payload stands between, in bytes of which all but the last are 255.
        let size = |body: &[u8]| body.iter().take_while(|byte| **byte == 255).count() + 1;
        self.kind() == Self::SEI
            && self.0.get(1) == Some(&USER_DATA)
            && self.0.get(2..).is_some_and(|body| {
                body.get(size(body)..)
                    .is_some_and(|rest| rest.starts_with(&UUID))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoders_note_is_known_by_its_id() {
        let mut note = vec![0x06, 5, 255, 44];
        note.extend([0xdc, 0x45, 0xe9, 0xbd, 0xe6, 0xd9, 0x48, 0xb7]);
        note.extend([0x96, 0x2c, 0xd8, 0x20, 0xd9, 0x23, 0xee, 0xef, b'x']);
        assert!(Nal(&note).is_encoder_note());
        assert!(!Nal(&note[..12]).is_encoder_note());
        assert!(!Nal(&[0x06, 1, 1, 0]).is_encoder_note());
    }
}
