//! Arguments and checks that encoders have in common.

use errors::Error;
use video::{Range, Resolution, VideoFormat};

use crate::recipe::layout::grid;
use crate::recipe::{ChunkPlan, Coding, Recipe};

pub(super) fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).into()
}

/// An option, where it has a value.
pub(super) fn option(name: &str, value: Option<&str>) -> Vec<String> {
    value.map_or_else(Vec::new, |value| words([name, value]))
}

/// Colour, by the code points that all standards share.
pub(super) fn colour(format: &VideoFormat) -> Vec<String> {
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

/// Frames of the longest chunk.
pub(super) fn longest(plan: &ChunkPlan) -> u64 {
    let longest = plan.chunks().map(|chunk| chunk.end - chunk.start).max();
    longest.unwrap_or(1)
}

/// Frames from one key frame to the next: the longest chunk, so that it has one. Longer than fifteen
/// seconds a player could not seek: then about ten, in whole groups of so many frames, unless chunks
/// shall have no other one.
pub(super) fn key_interval(
    recipe: &Recipe,
    format: &VideoFormat,
    plan: &ChunkPlan,
    group: u64,
) -> u64 {
    let longest = longest(plan);
    let frames = |ms| {
        let frames = format.frame_rate.frames_in_ms(ms);
        frames.unwrap_or(1).unsigned_abs()
    };
    if recipe.chunking.aligned_access || longest <= frames(15_000) {
        return longest;
    }
    1 + frames(10_000).div_ceil(group).max(1) * group
}

/// Refuses a picture whose sides do not fit its chroma.
pub(super) fn check_subsampling(format: &VideoFormat) -> Result<(), Error> {
    let (wide, high) = grid(&format.pixel_format, format.scan_type);
    check_sides(format, wide, high)
}

/// Refuses a picture whose sides are no multiples of these.
fn check_sides(format: &VideoFormat, wide: u32, high: u32) -> Result<(), Error> {
    let size = format.resolution;
    if size.width().is_multiple_of(wide) && size.height().is_multiple_of(high) {
        return Ok(());
    }
    let message = format!(
        "a picture of {size} cannot be coded as {}: its width must be a multiple of {wide}, its height of {high}",
        format.pixel_format
    );
    let down = |length: u32, unit: u32| (length / unit * unit).max(unit);
    let (width, height) = (down(size.width(), wide), down(size.height(), high));
    Err(Error::user("UNSUPPORTED_SIZE", message)
        .at("recipe.resolution")
        .hint(format!("ask for {width}x{height}")))
}

/// Refuses a picture with a side that the encoder does not take.
pub(super) fn check_bounds(
    coding: &Coding,
    size: Resolution,
    least: u32,
    most: (u32, u32),
) -> Result<(), Error> {
    let (width, height) = most;
    if (least..=width).contains(&size.width()) && (least..=height).contains(&size.height()) {
        return Ok(());
    }
    let message = format!("{} cannot code a picture of {size}", coding.encoder);
    Err(Error::user("UNSUPPORTED_SIZE", message)
        .at("recipe.resolution")
        .hint(format!("ask for {least}x{least} to {width}x{height}")))
}

/// Refuses fields, because of `why`.
pub(super) fn check_progressive(format: &VideoFormat, why: &str) -> Result<(), Error> {
    if !format.scan_type.is_interlaced() {
        return Ok(());
    }
    Err(Error::user("UNSUPPORTED_SCAN", why)
        .at("recipe.codec.format")
        .hint("use avc, or have it deinterlaced: recipe.deinterlacing"))
}
