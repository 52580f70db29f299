//! What HDR10 says of the display that a film was made on (SMPTE ST 2086), and of how bright the
//! film is (CTA-861.3): the same for all its frames.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What HDR10 says of a whole film.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct StaticHdr {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mastering_display: Option<MasteringDisplay>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_light: Option<ContentLight>,
}

impl StaticHdr {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What this says, and what `other` says beside it.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            mastering_display: self.mastering_display.or(other.mastering_display),
            content_light: self.content_light.or(other.content_light),
        }
    }
}

/// The display that a film was made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MasteringDisplay {
    pub red: Chromaticity,
    pub green: Chromaticity,
    pub blue: Chromaticity,
    pub white_point: Chromaticity,
    /// In 0.0001 cd/m².
    pub max_luminance: u32,
    /// In 0.0001 cd/m².
    pub min_luminance: u32,
}

/// A colour by its coordinates of CIE 1931, in units of 0.00002.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Chromaticity {
    pub x: u16,
    pub y: u16,
}

/// How bright a film is, in cd/m²; 0 = not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ContentLight {
    /// Of the brightest pixel of all: MaxCLL.
    pub max_content: u16,
    /// Of the brightest frame on average: MaxFALL.
    pub max_frame_average: u16,
}

impl Chromaticity {
    /// Units in 1.
    pub const ONE: u16 = 50_000;

    fn is_possible(self) -> bool {
        self.x <= Self::ONE && self.y <= Self::ONE
    }
}

impl MasteringDisplay {
    /// Whether there can be such a display.
    pub fn is_possible(&self) -> bool {
        let colours = [self.red, self.green, self.blue, self.white_point];
        colours.into_iter().all(Chromaticity::is_possible)
            && self.max_luminance > self.min_luminance
    }
}

impl fmt::Display for Chromaticity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", self.x, self.y)
    }
}

/// As x264 and x265 write it: `G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)`.
impl fmt::Display for MasteringDisplay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            red,
            green,
            blue,
            white_point,
            max_luminance,
            min_luminance,
        } = self;
        write!(
            f,
            "G{green}B{blue}R{red}WP{white_point}L({max_luminance},{min_luminance})"
        )
    }
}

/// As x264 and x265 write it: `1000,400`.
impl fmt::Display for ContentLight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.max_content, self.max_frame_average)
    }
}

/// A text that says nothing of a display or of light.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write {0}")]
pub struct InvalidHdr(&'static str);

const DISPLAY: InvalidHdr =
    InvalidHdr("G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)");
const LIGHT: InvalidHdr = InvalidHdr("1000,400: MaxCLL and MaxFALL in cd/m², up to 65535");

impl FromStr for MasteringDisplay {
    type Err = InvalidHdr;

    fn from_str(text: &str) -> Result<Self, InvalidHdr> {
        let read = || {
            let (green, rest) = pair(text, "G(")?;
            let (blue, rest) = pair(rest, "B(")?;
            let (red, rest) = pair(rest, "R(")?;
            let (white, rest) = pair(rest, "WP(")?;
            let (luminance, rest) = pair(rest, "L(")?;
            rest.is_empty().then_some(Self {
                red: chromaticity(red)?,
                green: chromaticity(green)?,
                blue: chromaticity(blue)?,
                white_point: chromaticity(white)?,
                max_luminance: luminance.0,
                min_luminance: luminance.1,
            })
        };
        read().filter(Self::is_possible).ok_or(DISPLAY)
    }
}

impl FromStr for ContentLight {
    type Err = InvalidHdr;

    fn from_str(text: &str) -> Result<Self, InvalidHdr> {
        let read = |(content, average): (&str, &str)| {
            Some(Self {
                max_content: content.parse().ok()?,
                max_frame_average: average.parse().ok()?,
            })
        };
        text.split_once(',').and_then(read).ok_or(LIGHT)
    }
}

/// The two numbers between this opening and its closing, and what follows.
fn pair<'a>(text: &'a str, opening: &str) -> Option<((u32, u32), &'a str)> {
    let (numbers, rest) = text.strip_prefix(opening)?.split_once(')')?;
    let (first, second) = numbers.split_once(',')?;
    Some(((first.parse().ok()?, second.parse().ok()?), rest))
}

fn chromaticity((x, y): (u32, u32)) -> Option<Chromaticity> {
    Some(Chromaticity {
        x: x.try_into().ok()?,
        y: y.try_into().ok()?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const P3: &str = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)";

    #[test]
    fn texts_read_back() {
        let display: MasteringDisplay = P3.parse().unwrap();
        assert_eq!((display.red.x, display.green.y), (34_000, 34_500));
        assert_eq!(display.to_string(), P3);
        let light: ContentLight = "1000,400".parse().unwrap();
        assert_eq!(light.to_string(), "1000,400");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for text in [
            "",
            "G(13250,34500)",
            &P3.replace("34000", "70000"),
            &P3.replace("34000", "50001"),
            &P3.replace("L(10000000,50)", "L(50,50)"),
            &format!("{P3}x"),
        ] {
            assert_eq!(text.parse::<MasteringDisplay>(), Err(DISPLAY), "{text}");
        }
        for text in ["", "1000", "1000,", "70000,1", "-1,2", "1,2,3"] {
            assert_eq!(text.parse::<ContentLight>(), Err(LIGHT), "{text}");
        }
    }

    #[test]
    fn what_is_said_comes_before_what_is_found() {
        let light = |max_content| {
            Some(ContentLight {
                max_content,
                max_frame_average: 1,
            })
        };
        let hdr = |max| StaticHdr {
            content_light: light(max),
            mastering_display: None,
        };
        assert_eq!(hdr(2).or(hdr(3)), hdr(2));
        assert_eq!(StaticHdr::default().or(hdr(3)), hdr(3));
        assert!(StaticHdr::default().is_empty() && !hdr(2).is_empty());
    }
}
