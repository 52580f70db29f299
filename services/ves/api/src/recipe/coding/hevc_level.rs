//! What levels allow beyond the size of pictures, and the level that x265 is told when it is led to a
//! bitrate or kept to a buffer, so that all chunks have equal parameter sets.

use errors::Error;
use video::{Chroma, DecoderBuffer, FrameRate, PixelFormat, Resolution, VideoFormat};

use super::hevc::HEVC;
use super::{Level, peak};
use crate::recipe::Codec;

/// Tables A.8 and A.9 of the standard, main tier, by level: thousands of bits in a second, and that a
/// decoder's buffer holds.
static LIMITS: [(&str, u64, u64); 13] = [
    ("1", 128, 350),
    ("2", 1_500, 1_500),
    ("2.1", 3_000, 3_000),
    ("3", 6_000, 6_000),
    ("3.1", 10_000, 10_000),
    ("4", 12_000, 12_000),
    ("4.1", 20_000, 20_000),
    ("5", 25_000, 25_000),
    ("5.1", 40_000, 40_000),
    ("5.2", 60_000, 60_000),
    ("6", 60_000, 60_000),
    ("6.1", 120_000, 120_000),
    ("6.2", 240_000, 240_000),
];

/// The least that holds the video and a decoder's buffer that fills at this rate; the highest where none
/// does. Of profiles beyond Main, which allow more, as well.
pub(super) fn least(size: Resolution, rate: FrameRate, peak: DecoderBuffer) -> &'static str {
    let fits = |bits: u64, thousands: &u64| bits <= thousands * 1_000;
    let holds = |(name, bits, buffer): &&(&str, u64, u64)| {
        let level = HEVC.levels.iter().find(|level| level.name == *name);
        level.is_some_and(|level: &Level| level.holds(size, rate))
            && fits(peak.max_bitrate, bits)
            && fits(peak.size, buffer)
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
    let asked = codec.level.map(|level| level.name);
    let limits = LIMITS.iter().find(|(name, ..)| Some(*name) == asked);
    let factor = factor(codec, &format.pixel_format);
    limits.map_or(Ok(()), |(_, bits, size)| {
        peak::check_limits(codec, buffer, (bits * factor, size * factor))
    })
}

/// Bits of such a unit (CpbVclFactor of Table A.10), by the profile that was asked for, or the one that
/// samples of this layout need.
fn factor(codec: &Codec, layout: &PixelFormat) -> u64 {
    let deep = layout.bit_depth().is_some_and(|depth| depth > 8);
    match (codec.profile.map(|profile| profile.name), layout.chroma()) {
        (Some("main444-10"), _) => 2_500,
        (Some("main444-8"), _) => 2_000,
        (Some("main422-10"), _) => 1_667,
        (None, Some(Chroma::Yuv444)) if deep => 2_500,
        (None, Some(Chroma::Yuv444)) => 2_000,
        (None, Some(Chroma::Yuv422)) => 1_667,
        _ => 1_000,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use video::Rational;

    use super::*;

    #[test]
    fn size_rate_bits_and_buffer_are_held() {
        let rate = FrameRate::new(Rational::new(24, 1).unwrap()).unwrap();
        let least = |width, height, max_bitrate, size| {
            let peak = DecoderBuffer { max_bitrate, size };
            least(Resolution::new(width, height).unwrap(), rate, peak)
        };
        assert_eq!(least(320, 180, 1_000_000, 0), "2");
        assert_eq!(least(320, 180, 1_000_000, 3_000_000), "2.1");
        assert_eq!(least(1280, 720, 4_000_000, 0), "3.1");
        assert_eq!(least(1920, 1080, 10_000_000, 20_000_000), "4.1");
        assert_eq!(least(1920, 1080, 900_000_000, 0), "6.2");
    }
}
