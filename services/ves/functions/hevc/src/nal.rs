//! Network abstraction layer units (ITU-T H.265, 7.3.1).

/// One unit, without its start code, as [`ves_api::function::annex_b`] gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nal<'a>(pub(crate) &'a [u8]);

impl Nal<'_> {
    /// Video parameter set.
    pub(crate) const VPS: u8 = 32;
    /// Sequence parameter set.
    pub(crate) const SPS: u8 = 33;
    /// Picture parameter set.
    pub(crate) const PPS: u8 = 34;

    /// `nal_unit_type`; `None` without a whole header.
    pub(crate) fn kind(self) -> Option<u8> {
        match self.0 {
            [first, _, ..] => Some(first >> 1 & 0x3f),
            _ => None,
        }
    }

    /// Whether it is of a picture behind which nothing refers to what was before.
    pub(crate) fn refreshes(self) -> bool {
        const IDR: [u8; 2] = [19, 20];
        self.kind().is_some_and(|kind| IDR.contains(&kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_off_the_header() {
        assert_eq!(Nal(&[0x40, 1]).kind(), Some(Nal::VPS));
        assert_eq!(Nal(&[0x42, 1, 7]).kind(), Some(Nal::SPS));
        assert_eq!(Nal(&[0x44, 1]).kind(), Some(Nal::PPS));
        assert_eq!(Nal(&[0x40]).kind(), None);
        for (header, refreshes) in [(0x26, true), (0x28, true), (0x2a, false), (0x02, false)] {
            assert_eq!(Nal(&[header, 1]).refreshes(), refreshes, "{header:#x}");
        }
    }
}
