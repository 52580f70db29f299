//! The level that x264 is told when it is led to a bitrate. By itself it would go by the bitrate of
//! each chunk, and chunks would not have equal parameter sets.

use video::{FrameRate, Resolution};

use super::Level;
use super::avc::{AVC, BLOCK};
use crate::recipe::{Bitrate, Codec};

/// Table A-1 of the standard, by level: macroblocks of the decoded picture buffer, and thousands of
/// bits in a second (of profiles below High, which allow the least).
static LIMITS: [(&str, u64, u64); 19] = [
    ("1", 396, 64),
    ("1.1", 900, 192),
    ("1.2", 2_376, 384),
    ("1.3", 2_376, 768),
    ("2", 2_376, 2_000),
    ("2.1", 4_752, 4_000),
    ("2.2", 8_100, 4_000),
    ("3", 8_100, 10_000),
    ("3.1", 18_000, 14_000),
    ("3.2", 20_480, 20_000),
    ("4", 32_768, 20_000),
    ("4.1", 32_768, 50_000),
    ("4.2", 34_816, 50_000),
    ("5", 110_400, 135_000),
    ("5.1", 184_320, 240_000),
    ("5.2", 184_320, 240_000),
    ("6", 696_320, 240_000),
    ("6.1", 696_320, 480_000),
    ("6.2", 696_320, 800_000),
];

/// The least that holds the video, its reference pictures, and twice the bitrate, as x264 reckons of
/// a whole file whose peaks are not bounded; the highest where none does.
pub(super) fn least(
    codec: &Codec,
    size: Resolution,
    rate: FrameRate,
    bitrate: Bitrate,
) -> &'static str {
    let blocks = |side: u32| u64::from(side.div_ceil(BLOCK));
    let buffer = blocks(size.width()) * blocks(size.height()) * references(codec);
    let holds = |(name, pictures, thousands): &&(&str, u64, u64)| {
        let level = AVC.levels.iter().find(|level| level.name == *name);
        let holds = |level: &Level| level.holds(size, rate);
        level.is_some_and(holds) && buffer <= *pictures && 2 * bitrate.get() <= thousands * 1_000
    };
    LIMITS.iter().find(holds).map_or("6.2", |(name, ..)| *name)
}

/// Pictures that x264 keeps: what its preset refers to, and four for its pyramid of B pictures.
fn references(codec: &Codec) -> u64 {
    let by_preset = match codec.preset {
        "slow" => 5,
        "slower" => 8,
        "veryslow" | "placebo" => 16,
        _ => 3,
    };
    let by_tune = if codec.tune == Some("animation") {
        2
    } else {
        1
    };
    (by_preset * by_tune).clamp(4, 16)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use video::Rational;

    use super::*;

    fn least_of(width: u32, height: u32, preset: &'static str, bits: u64) -> &'static str {
        let rate = FrameRate::new(Rational::new(24, 1).unwrap()).unwrap();
        let codec = Codec {
            preset,
            ..Codec::usual(&AVC)
        };
        let size = Resolution::new(width, height).unwrap();
        least(&codec, size, rate, Bitrate::new(bits).unwrap())
    }

    #[test]
    fn size_rate_references_and_bits_are_held() {
        assert_eq!(least_of(320, 180, "medium", 100_000), "1.2");
        assert_eq!(least_of(320, 180, "medium", 1_000_000), "2");
        assert_eq!(least_of(1280, 720, "medium", 2_000_000), "3.1");
        assert_eq!(least_of(1280, 720, "veryslow", 2_000_000), "5");
        assert_eq!(least_of(1920, 1080, "slow", 12_000_000), "5");
        assert_eq!(least_of(1920, 1080, "medium", 900_000_000), "6.2");
    }
}
