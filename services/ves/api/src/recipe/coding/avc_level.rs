//! What levels allow beyond the size of pictures, and the level that x264 is told when it is led to a
//! bitrate or kept to a buffer. By itself it would go by the bitrate of each chunk, and chunks would not
//! have equal parameter sets.

use errors::Error;
use video::{Chroma, DecoderBuffer, FrameRate, PixelFormat, Resolution, VideoFormat};

use super::avc::{AVC, BLOCK};
use super::{Level, peak};
use crate::recipe::Codec;

/// Table A-1 of the standard, by level: macroblocks of the decoded picture buffer, thousands of bits in a
/// second, and thousands that a decoder's buffer holds (of profiles below High, which allow the least).
static LIMITS: [(&str, u64, u64, u64); 19] = [
    ("1", 396, 64, 175),
    ("1.1", 900, 192, 500),
    ("1.2", 2_376, 384, 1_000),
    ("1.3", 2_376, 768, 2_000),
    ("2", 2_376, 2_000, 2_000),
    ("2.1", 4_752, 4_000, 4_000),
    ("2.2", 8_100, 4_000, 4_000),
    ("3", 8_100, 10_000, 10_000),
    ("3.1", 18_000, 14_000, 14_000),
    ("3.2", 20_480, 20_000, 20_000),
    ("4", 32_768, 20_000, 25_000),
    ("4.1", 32_768, 50_000, 62_500),
    ("4.2", 34_816, 50_000, 62_500),
    ("5", 110_400, 135_000, 135_000),
    ("5.1", 184_320, 240_000, 240_000),
    ("5.2", 184_320, 240_000, 240_000),
    ("6", 696_320, 240_000, 240_000),
    ("6.1", 696_320, 480_000, 480_000),
    ("6.2", 696_320, 800_000, 800_000),
];

/// The least that holds the video, its reference pictures, and a decoder's buffer that fills at this
/// rate; the highest where none does.
pub(super) fn least(
    codec: &Codec,
    size: Resolution,
    rate: FrameRate,
    peak: DecoderBuffer,
) -> &'static str {
    let blocks = |side: u32| u64::from(side.div_ceil(BLOCK));
    let buffer = blocks(size.width()) * blocks(size.height()) * references(codec);
    let fits = |bits: u64, thousands: &u64| bits <= thousands * 1_000;
    let holds = |(name, pictures, rate_limit, size_limit): &&(&str, u64, u64, u64)| {
        let level = AVC.levels.iter().find(|level| level.name == *name);
        let holds = |level: &Level| level.holds(size, rate);
        level.is_some_and(holds)
            && buffer <= *pictures
            && fits(peak.max_bitrate, rate_limit)
            && fits(peak.size, size_limit)
    };
    LIMITS.iter().find(holds).map_or("6.2", |(name, ..)| *name)
}

/// Refuses a buffer that holds less than two frames' bits, and one that the level does not allow that
/// was asked for.
pub(super) fn check(
    codec: &Codec,
    format: &VideoFormat,
    buffer: DecoderBuffer,
) -> Result<(), Error> {
    peak::check_frames(format, buffer)?;
    let limits = codec.level.and_then(|level| of_level(level.name));
    let factor = factor(codec, &format.pixel_format);
    limits.map_or(Ok(()), |(bits, size)| {
        peak::check_limits(codec, buffer, (bits * factor, size * factor))
    })
}

/// Units of bits in a second, and of a buffer.
fn of_level(name: &str) -> Option<(u64, u64)> {
    if name == "1b" {
        return Some((128, 350));
    }
    let limits = LIMITS.iter().find(|(level, ..)| *level == name);
    limits.map(|(_, _, bits, size)| (*bits, *size))
}

/// Bits of such a unit (cpbBrVclFactor of Table A-2), by the profile that was asked for, or the one
/// that samples of this layout need.
fn factor(codec: &Codec, layout: &PixelFormat) -> u64 {
    let deep = layout.bit_depth().is_some_and(|depth| depth > 8);
    match codec.profile.map(|profile| profile.name) {
        Some("baseline" | "main") => 1_000,
        Some("high") => 1_250,
        Some("high10") => 3_000,
        Some(_) => 4_000,
        None if matches!(layout.chroma(), Some(Chroma::Yuv422 | Chroma::Yuv444)) => 4_000,
        None if deep => 3_000,
        None => 1_250,
    }
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

    fn least_of(
        width: u32,
        height: u32,
        preset: &'static str,
        (bits, buffer): (u64, u64),
    ) -> &'static str {
        let rate = FrameRate::new(Rational::new(24, 1).unwrap()).unwrap();
        let codec = Codec {
            preset,
            ..Codec::usual(&AVC)
        };
        let size = Resolution::new(width, height).unwrap();
        let peak = |max_bitrate, size| DecoderBuffer { max_bitrate, size };
        least(&codec, size, rate, peak(2 * bits, buffer))
    }

    #[test]
    fn size_rate_references_and_bits_are_held() {
        assert_eq!(least_of(320, 180, "medium", (100_000, 0)), "1.2");
        assert_eq!(least_of(320, 180, "medium", (1_000_000, 0)), "2");
        assert_eq!(least_of(1280, 720, "medium", (2_000_000, 0)), "3.1");
        assert_eq!(least_of(1280, 720, "veryslow", (2_000_000, 0)), "5");
        assert_eq!(least_of(1920, 1080, "slow", (12_000_000, 0)), "5");
        assert_eq!(least_of(1920, 1080, "medium", (900_000_000, 0)), "6.2");
        assert_eq!(least_of(320, 180, "medium", (100_000, 10_000_000)), "3");
    }
}
