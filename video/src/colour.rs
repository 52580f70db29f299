//! Colour, in code points of ITU-T H.273 (also those of MP4's `nclx` and of the bitstreams' VUI).

use serde::{Deserialize, Serialize};

/// What numbers in a picture mean as colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct ColourDescription {
    pub primaries: Primaries,
    pub transfer: Transfer,
    pub matrix: Matrix,
    pub range: Range,
}

/// Which numbers are black and white.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Range {
    /// The source does not say; players take it for limited.
    #[default]
    Unspecified,
    Limited,
    Full,
}

/// One row of a table of code points: code, ffmpeg's names (the first is the one it prints), and
/// x264's.
struct Row(u8, &'static [&'static str], &'static str);

macro_rules! code_points {
    ($(#[$doc:meta])* $name:ident, $table:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u8);

        impl $name {
            pub const UNSPECIFIED: $name = $name(2);

            /// Any code point, also those that this build has no name for.
            #[must_use]
            pub const fn from_code(code: u8) -> Self {
                $name(code)
            }

            /// The code point.
            #[must_use]
            pub const fn code(self) -> u8 {
                self.0
            }

            /// From a name as ffprobe prints it; unspecified for an unknown one.
            #[must_use]
            pub fn from_ffprobe(name: &str) -> Self {
                let row = $table.iter().find(|row| row.1.contains(&name));
                row.map_or(Self::UNSPECIFIED, |row| $name(row.0))
            }

            /// ffmpeg's name; `None` for a code point without one.
            #[must_use]
            pub fn ffmpeg_name(self) -> Option<&'static str> {
                let row = $table.iter().find(|row| row.0 == self.0)?;
                row.1.first().copied()
            }

            /// x264's name; `None` for a code point without one.
            #[must_use]
            pub fn x264_name(self) -> Option<&'static str> {
                let row = $table.iter().find(|row| row.0 == self.0)?;
                (!row.2.is_empty()).then_some(row.2)
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::UNSPECIFIED
            }
        }
    };
}

code_points!(
    /// The red, green, blue and white that are mixed.
    Primaries,
    PRIMARIES
);
code_points!(
    /// From numbers to light.
    Transfer,
    TRANSFERS
);
code_points!(
    /// From red, green and blue to luma and chroma.
    Matrix,
    MATRICES
);

const PRIMARIES: &[Row] = &[
    Row(1, &["bt709"], "bt709"),
    Row(2, &["unknown", "unspecified"], "undef"),
    Row(4, &["bt470m"], "bt470m"),
    Row(5, &["bt470bg"], "bt470bg"),
    Row(6, &["smpte170m"], "smpte170m"),
    Row(7, &["smpte240m"], "smpte240m"),
    Row(8, &["film"], "film"),
    Row(9, &["bt2020"], "bt2020"),
    Row(10, &["smpte428", "smpte428_1"], "smpte428"),
    Row(11, &["smpte431"], "smpte431"),
    Row(12, &["smpte432"], "smpte432"),
    Row(22, &["ebu3213", "jedec-p22"], ""),
];

const TRANSFERS: &[Row] = &[
    Row(1, &["bt709"], "bt709"),
    Row(2, &["unknown", "unspecified"], "undef"),
    Row(4, &["bt470m", "gamma22"], "bt470m"),
    Row(5, &["bt470bg", "gamma28"], "bt470bg"),
    Row(6, &["smpte170m"], "smpte170m"),
    Row(7, &["smpte240m"], "smpte240m"),
    Row(8, &["linear"], "linear"),
    Row(9, &["log100", "log"], "log100"),
    Row(10, &["log316", "log_sqrt"], "log316"),
    Row(11, &["iec61966-2-4", "iec61966_2_4"], "iec61966-2-4"),
    Row(12, &["bt1361e", "bt1361"], "bt1361e"),
    Row(13, &["iec61966-2-1", "iec61966_2_1"], "iec61966-2-1"),
    Row(14, &["bt2020-10", "bt2020_10bit"], "bt2020-10"),
    Row(15, &["bt2020-12", "bt2020_12bit"], "bt2020-12"),
    Row(16, &["smpte2084"], "smpte2084"),
    Row(17, &["smpte428", "smpte428_1"], "smpte428"),
    Row(18, &["arib-std-b67"], "arib-std-b67"),
];

const MATRICES: &[Row] = &[
    Row(0, &["gbr", "rgb"], "GBR"),
    Row(1, &["bt709"], "bt709"),
    Row(2, &["unknown", "unspecified"], "undef"),
    Row(4, &["fcc"], "fcc"),
    Row(5, &["bt470bg"], "bt470bg"),
    Row(6, &["smpte170m"], "smpte170m"),
    Row(7, &["smpte240m"], "smpte240m"),
    Row(8, &["ycgco", "ycocg"], "YCgCo"),
    Row(9, &["bt2020nc", "bt2020_ncl"], "bt2020nc"),
    Row(10, &["bt2020c", "bt2020_cl"], "bt2020c"),
    Row(11, &["smpte2085"], "smpte2085"),
    Row(12, &["chroma-derived-nc"], "chroma-derived-nc"),
    Row(13, &["chroma-derived-c"], "chroma-derived-c"),
    Row(14, &["ictcp"], "ICtCp"),
];

impl Range {
    /// From ffprobe's `color_range`.
    #[must_use]
    pub fn from_ffprobe(name: &str) -> Self {
        match name {
            "tv" | "mpeg" | "limited" => Range::Limited,
            "pc" | "jpeg" | "full" => Range::Full,
            _ => Range::Unspecified,
        }
    }

    /// What x264's `range` and ffmpeg's `-color_range` take; `None` when unspecified.
    #[must_use]
    pub fn ffmpeg_name(self) -> Option<&'static str> {
        match self {
            Range::Unspecified => None,
            Range::Limited => Some("tv"),
            Range::Full => Some("pc"),
        }
    }
}

impl Transfer {
    /// Whether it is one of high dynamic range: PQ or HLG.
    #[must_use]
    pub const fn is_hdr(self) -> bool {
        matches!(self.code(), 16 | 18)
    }
}

impl ColourDescription {
    /// Nothing is said about colour, so a container need not say anything either.
    #[must_use]
    pub fn is_unspecified(&self) -> bool {
        *self == ColourDescription::default()
    }

    /// The body of MP4's `colr` box of type `nclx`, behind that type: three code points of 16
    /// bits, then the full-range bit.
    #[must_use]
    pub fn nclx(&self) -> [u8; 7] {
        let full = if self.range == Range::Full { 0x80 } else { 0 };
        let (primaries, transfer, matrix) = (
            self.primaries.code(),
            self.transfer.code(),
            self.matrix.code(),
        );
        [0, primaries, 0, transfer, 0, matrix, full]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hdr10_in_three_spellings() {
        let hdr10 = ColourDescription {
            primaries: Primaries::from_ffprobe("bt2020"),
            transfer: Transfer::from_ffprobe("smpte2084"),
            matrix: Matrix::from_ffprobe("bt2020nc"),
            range: Range::from_ffprobe("tv"),
        };
        assert_eq!(hdr10.nclx(), [0, 9, 0, 16, 0, 9, 0]);
        assert_eq!(hdr10.transfer.x264_name(), Some("smpte2084"));
        assert!(!hdr10.is_unspecified());
    }

    #[test]
    fn every_name_leads_to_its_code_and_back() {
        for code in 0..=u8::MAX {
            let (p, t, m) = (
                Primaries::from_code(code),
                Transfer::from_code(code),
                Matrix::from_code(code),
            );
            assert!(
                p.ffmpeg_name()
                    .is_none_or(|name| Primaries::from_ffprobe(name) == p)
            );
            assert!(
                t.ffmpeg_name()
                    .is_none_or(|name| Transfer::from_ffprobe(name) == t)
            );
            assert!(
                m.ffmpeg_name()
                    .is_none_or(|name| Matrix::from_ffprobe(name) == m)
            );
        }
        assert_eq!(
            PRIMARIES.len() + TRANSFERS.len() + MATRICES.len(),
            12 + 17 + 14
        );
    }

    #[test]
    fn what_is_not_known_is_unspecified_not_wrong() {
        for name in ["", "reserved", "unknown", "BT709"] {
            assert_eq!(Matrix::from_ffprobe(name), Matrix::UNSPECIFIED, "{name}");
        }
        assert_eq!(Primaries::from_code(99).x264_name(), None);
        assert!(ColourDescription::default().is_unspecified());
    }
}
