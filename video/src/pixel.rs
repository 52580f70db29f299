//! Sample layouts by their ffmpeg names.

use std::fmt;

use serde::{Deserialize, Serialize};

/// ffmpeg's name of a sample layout, such as `yuv420p10le`: lower-case letters, digits and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PixelFormat(String);

/// How colour is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chroma {
    Monochrome,
    Yuv420,
    Yuv422,
    Yuv444,
    /// Other subsampling, such as 4:1:1.
    OtherYuv,
    Rgb,
}

const LONGEST: usize = 32;

impl PixelFormat {
    /// `None` when it cannot be a name of a layout.
    pub fn new(name: impl Into<String>) -> Option<Self> {
        let name = name.into();
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let valid = (1..=LONGEST).contains(&name.len()) && name.bytes().all(fits);
        valid.then_some(PixelFormat(name))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Bits per sample; `None` for a layout whose name does not tell.
    #[must_use]
    pub fn bit_depth(&self) -> Option<u8> {
        let name = self.0.trim_end_matches("le").trim_end_matches("be");
        match name {
            "p010" | "p210" | "p410" | "y210" | "x2rgb10" | "x2bgr10" => return Some(10),
            "p012" | "p212" | "p412" | "y212" | "xv36" => return Some(12),
            "p016" | "p216" | "p416" | "rgb48" | "bgr48" | "rgba64" | "bgra64" => return Some(16),
            _ => {}
        }
        self.chroma()?;
        let planar = name.rsplit_once('p').map(|(_, depth)| depth);
        let depth = planar.or_else(|| name.strip_prefix("gray")).unwrap_or("");
        match depth.trim_end_matches(|c: char| !c.is_ascii_digit()) {
            digits if !digits.is_empty() && digits.len() <= 2 => digits.parse().ok(),
            _ => Some(8),
        }
    }

    /// How colour is sampled; `None` for a layout that is not known.
    #[must_use]
    pub fn chroma(&self) -> Option<Chroma> {
        let starts = |prefixes: &[&str]| prefixes.iter().any(|p| self.0.starts_with(p));
        let table: &[(&[&str], Chroma)] = &[
            (&["gray", "ya8", "ya16", "mono"], Chroma::Monochrome),
            (
                &["yuv420", "yuvj420", "yuva420", "nv12", "nv21", "p01"],
                Chroma::Yuv420,
            ),
            (
                &[
                    "yuv422", "yuvj422", "yuva422", "nv16", "nv20", "p21", "y21", "yuyv422",
                    "uyvy422",
                ],
                Chroma::Yuv422,
            ),
            (
                &["yuv444", "yuvj444", "yuva444", "nv24", "nv42", "p41", "xv"],
                Chroma::Yuv444,
            ),
            (&["yuv4", "yuvj4", "uyyvyy411"], Chroma::OtherYuv),
            (
                &[
                    "gbr", "rgb", "bgr", "argb", "abgr", "0rgb", "0bgr", "x2rgb", "x2bgr", "pal8",
                ],
                Chroma::Rgb,
            ),
        ];
        table
            .iter()
            .find(|(prefixes, _)| starts(prefixes))
            .map(|(_, chroma)| *chroma)
    }

    /// Whether the name itself says full range (the old `yuvj` layouts).
    #[must_use]
    pub fn implies_full_range(&self) -> bool {
        self.0.starts_with("yuvj")
    }
}

impl TryFrom<String> for PixelFormat {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        PixelFormat::new(name).ok_or("not a name of a pixel format, such as yuv420p10le")
    }
}

impl From<PixelFormat> for String {
    fn from(format: PixelFormat) -> String {
        format.0
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_tell_depth_and_sampling() {
        let cases = [
            ("yuv420p", Some(8), Some(Chroma::Yuv420)),
            ("yuvj420p", Some(8), Some(Chroma::Yuv420)),
            ("yuv420p10le", Some(10), Some(Chroma::Yuv420)),
            ("yuv422p10be", Some(10), Some(Chroma::Yuv422)),
            ("yuv444p12le", Some(12), Some(Chroma::Yuv444)),
            ("yuva444p16le", Some(16), Some(Chroma::Yuv444)),
            ("yuv411p", Some(8), Some(Chroma::OtherYuv)),
            ("nv12", Some(8), Some(Chroma::Yuv420)),
            ("p010le", Some(10), Some(Chroma::Yuv420)),
            ("p216le", Some(16), Some(Chroma::Yuv422)),
            ("gray", Some(8), Some(Chroma::Monochrome)),
            ("gray12le", Some(12), Some(Chroma::Monochrome)),
            ("gbrp", Some(8), Some(Chroma::Rgb)),
            ("gbrp14le", Some(14), Some(Chroma::Rgb)),
            ("rgb24", Some(8), Some(Chroma::Rgb)),
            ("rgb48le", Some(16), Some(Chroma::Rgb)),
            ("vaapi", None, None),
        ];
        for (name, depth, chroma) in cases {
            let format = PixelFormat::new(name).unwrap();
            assert_eq!(
                (format.bit_depth(), format.chroma()),
                (depth, chroma),
                "{name}"
            );
        }
    }

    #[test]
    fn what_could_not_be_a_name_is_refused() {
        for name in ["", "yuv420p,scale=1:1", "YUV", "yuv 420", &"a".repeat(33)] {
            assert_eq!(PixelFormat::new(name), None, "{name:?}");
        }
    }
}
