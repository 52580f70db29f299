//! The most bits that come at once, and what levels have to do with them.

use errors::Error;
use video::{DecoderBuffer, VideoFormat};

use crate::recipe::{Codec, RateControl, Recipe};

/// What is to be reckoned with where bits are asked for; `None` where they are not. Where peaks are not
/// bounded, so many `times` the average.
pub(super) fn of(recipe: &Recipe, times: u64) -> Option<DecoderBuffer> {
    let unbounded = match recipe.rate_control {
        RateControl::Bitrate(bitrate) => Some(DecoderBuffer {
            max_bitrate: bitrate.get().saturating_mul(times),
            size: 0,
        }),
        RateControl::Crf(_) | RateControl::Lossless | RateControl::Quality(_) => None,
    };
    recipe.buffer.or(unbounded)
}

/// Refuses a buffer that holds less than two frames' bits.
pub(super) fn check_frames(format: &VideoFormat, buffer: DecoderBuffer) -> Result<(), Error> {
    let rate = format.frame_rate.as_rational();
    let frames = i128::from(buffer.size) * i128::from(rate.numerator());
    if frames >= 2 * i128::from(buffer.max_bitrate) * i128::from(rate.denominator()) {
        return Ok(());
    }
    let message = "the buffer holds less than comes in the time of two frames";
    Err(Error::user("OUT_OF_RANGE", message)
        .at("recipe.rate_control.buffer")
        .hint("use what max_bitrate brings in a tenth of a second, or more"))
}

/// Refuses more than the level allows that was asked for: bits in a second, and in the buffer.
pub(super) fn check_limits(
    codec: &Codec,
    buffer: DecoderBuffer,
    (bits, size): (u64, u64),
) -> Result<(), Error> {
    for (field, asked, limit) in [
        ("max_bitrate", buffer.max_bitrate, bits),
        ("buffer", buffer.size, size),
    ] {
        if asked > limit {
            let level = codec.level.map_or("", |level| level.name);
            let message = format!("level {level} allows {limit} bits, but {asked} are asked for");
            return Err(Error::user("LEVEL_EXCEEDED", message)
                .at(format!("recipe.rate_control.{field}"))
                .hint(format!("use {limit} at most, or leave the level out")));
        }
    }
    Ok(())
}
