//! What SVT-AV1 is told, and what it cannot do.

use errors::Error;
use video::{Chroma, PixelFormat, Range, VideoFormat};

use crate::recipe::encoder::{Encoder, check_sides, words};
use crate::recipe::layout::with_depth;
use crate::recipe::{Av1, Av1Tune, ChunkPlan, RateControl};

/// Frames of a mini-GOP: 2 to the power of [`LAYERS`].
const MINI_GOP: u64 = 16;
/// Layers of reference below the first frame of a mini-GOP.
const LAYERS: u32 = 4;

/// Sides that SVT-AV1 takes.
const LEAST_SIDE: u32 = 64;
const MOST_SIDES: (u32, u32) = (16_384, 8_704);

impl Encoder for Av1 {
    /// 4:2:0, whatever the source's chroma.
    fn layout(&self, decoded: &PixelFormat) -> Result<PixelFormat, Error> {
        with_depth(decoded, Some(Chroma::Yuv420), self.bit_depth)
    }

    fn check(&self, format: &VideoFormat) -> Result<(), Error> {
        check_progressive(format)?;
        check_bounds(format)?;
        check_sides(format, 2, 2)
    }

    fn args(&self, rate: RateControl, format: &VideoFormat, plan: &ChunkPlan) -> Vec<String> {
        let mut args = words(["-c:v", "libsvtav1", "-preset", &self.preset.to_string()]);
        if let RateControl::Crf(crf) = rate {
            args.extend(words(["-crf", &crf.to_string()]));
        }
        args.extend(words(["-g", &key_interval(format, plan).to_string()]));
        args.extend(words(["-pix_fmt", format.pixel_format.as_str()]));
        args.extend(colour(format));
        args.extend(words(["-svtav1-params", &self.params()]));
        args
    }
}

impl Av1 {
    /// One logical processor: a worker has one, and rate control by quality gives the same bytes
    /// for any number. Not pinned, or all workers would share the first.
    fn params(&self) -> String {
        let mut params = vec![format!(
            "lp=1:pin=0:irefresh-type=2:hierarchical-levels={LAYERS}"
        )];
        if let Some(tune) = self.tune {
            let number = match tune {
                Av1Tune::Vq => 0,
                Av1Tune::Psnr => 1,
            };
            params.push(format!("tune={number}"));
        }
        if let Some(level) = self.level {
            params.push(format!("level={}", level.name().replace('.', "")));
        }
        params.join(":")
    }
}

/// Frames from one key frame to the next: the longest chunk, so that it has one. Longer than
/// fifteen seconds a player could not seek: then whole mini-GOPs of about ten.
fn key_interval(format: &VideoFormat, plan: &ChunkPlan) -> u64 {
    let longest = plan.chunks().map(|chunk| chunk.end - chunk.start).max();
    let longest = longest.unwrap_or(1);
    let frames = |ms| {
        format
            .frame_rate
            .frames_in_ms(ms)
            .unwrap_or(1)
            .unsigned_abs()
    };
    if longest <= frames(15_000) {
        return longest;
    }
    1 + frames(10_000).div_ceil(MINI_GOP).max(1) * MINI_GOP
}

fn colour(format: &VideoFormat) -> Vec<String> {
    let colour = format.colour;
    let range = if colour.range == Range::Full { 2 } else { 1 };
    words([
        "-color_primaries",
        &colour.primaries.code().to_string(),
        "-color_trc",
        &colour.transfer.code().to_string(),
        "-colorspace",
        &colour.matrix.code().to_string(),
        "-color_range",
        &range.to_string(),
    ])
}

fn check_progressive(format: &VideoFormat) -> Result<(), Error> {
    if !format.scan_type.is_interlaced() {
        return Ok(());
    }
    let message = "AV1 has no way to tell that a picture is interlaced";
    Err(Error::user("UNSUPPORTED_SCAN", message)
        .at("recipe.codec.format")
        .hint("use CODEC_FORMAT_AVC, or deinterlace the source first"))
}

fn check_bounds(format: &VideoFormat) -> Result<(), Error> {
    let (width, height) = (format.resolution.width(), format.resolution.height());
    let (most_width, most_height) = MOST_SIDES;
    if (LEAST_SIDE..=most_width).contains(&width) && (LEAST_SIDE..=most_height).contains(&height) {
        return Ok(());
    }
    let message = format!("SVT-AV1 cannot code a picture of {}", format.resolution);
    Err(Error::user("UNSUPPORTED_SIZE", message)
        .at("recipe.resolution")
        .hint(format!(
            "ask for {LEAST_SIDE}x{LEAST_SIDE} to {most_width}x{most_height}"
        )))
}
