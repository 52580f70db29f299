//! Network abstraction layer units of an Annex B byte stream (ITU-T H.264, 7.3.1 and annex B).

/// One unit, without its start code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nal<'a>(pub &'a [u8]);

impl Nal<'_> {
    /// Slice of an instantaneous decoding refresh picture.
    pub const IDR: u8 = 5;
    /// Supplemental enhancement information.
    pub const SEI: u8 = 6;
    /// Sequence parameter set.
    pub const SPS: u8 = 7;
    /// Picture parameter set.
    pub const PPS: u8 = 8;

    /// `nal_unit_type`.
    pub fn kind(self) -> u8 {
        self.0.first().map_or(0, |header| header & 0x1f)
    }

    /// Whether it is the note by which x264 tells its version and settings.
    pub fn is_encoder_note(self) -> bool {
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

/// The units of a byte stream, in order.
pub fn nals(stream: &[u8]) -> impl Iterator<Item = Nal<'_>> {
    let mut rest = after_start_code(stream);
    std::iter::from_fn(move || {
        let current = rest?;
        let end = start_code(current).unwrap_or(current.len());
        rest = after_start_code(&current[end..]);
        Some(Nal(without_trailing_zeros(&current[..end])))
    })
}

/// Where the next start code begins.
fn start_code(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    // Steps over up to three bytes at a time: a code cannot lie across a byte above 1.
    while let Some(window) = bytes.get(at..at + 3) {
        match window {
            [0, 0, 1] => return Some(at),
            [_, _, 2..=255] => at += 3,
            _ => at += 1,
        }
    }
    None
}

fn after_start_code(bytes: &[u8]) -> Option<&[u8]> {
    start_code(bytes).map(|at| &bytes[at + 3..])
}

/// No unit ends with a zero; those that follow belong to the next start code.
fn without_trailing_zeros(unit: &[u8]) -> &[u8] {
    let end = unit
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |at| at + 1);
    &unit[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(stream: &[u8]) -> Vec<&[u8]> {
        nals(stream).map(|nal| nal.0).collect()
    }

    #[test]
    fn units_lie_between_start_codes_of_either_length() {
        let stream = [
            0, 0, 0, 1, 0x67, 9, 0, 0, 1, 0x68, 0, 0, 3, 0, 0, 0, 1, 0x65, 1, 0, 2,
        ];
        assert_eq!(
            split(&stream),
            [&[0x67, 9][..], &[0x68, 0, 0, 3], &[0x65, 1, 0, 2]]
        );
        assert!(split(&[0, 0, 0]).is_empty());
        assert!(split(&[]).is_empty());
        assert_eq!(split(&[0, 0, 1]), [&[] as &[u8]]);
    }

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
