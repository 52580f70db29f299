//! Network abstraction layer units (ITU-T H.266, 7.3.1).

/// One unit, without its start code, as [`ves_api::function::annex_b`] gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nal<'a>(pub(crate) &'a [u8]);

impl Nal<'_> {
    /// Video parameter set: of streams of several layers.
    pub(crate) const VPS: u8 = 14;
    /// Sequence parameter set.
    pub(crate) const SPS: u8 = 15;
    /// Picture parameter set.
    pub(crate) const PPS: u8 = 16;

    /// `nal_unit_type`; `None` without a whole header.
    pub(crate) fn kind(self) -> Option<u8> {
        match self.0 {
            [_, second, ..] => Some(second >> 3),
            _ => None,
        }
    }

    /// Whether it is of a picture behind which nothing refers to what was before, and before which
    /// none is shown that does.
    pub(crate) fn refreshes(self) -> bool {
        const IDR: [u8; 2] = [7, 8];
        self.kind().is_some_and(|kind| IDR.contains(&kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_off_the_header() {
        assert_eq!(Nal(&[0, 0x71]).kind(), Some(Nal::VPS));
        assert_eq!(Nal(&[0, 0x79, 7]).kind(), Some(Nal::SPS));
        assert_eq!(Nal(&[0, 0x81]).kind(), Some(Nal::PPS));
        assert_eq!(Nal(&[0]).kind(), None);
        for (header, refreshes) in [(0x39, true), (0x41, true), (0x49, false), (0x01, false)] {
            assert_eq!(Nal(&[0, header]).refreshes(), refreshes, "{header:#x}");
        }
    }
}
