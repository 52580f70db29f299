//! What happens to pictures between decoder and encoder: they are cropped, resized and padded, in
//! this order.

use video::{PixelFormat, Range, Region, VideoFormat};

use crate::recipe::{Kernel, Recipe};

/// The filter graph from decoded pictures of `source` to those that are `encoded`; empty when they
/// are the same. It treats each picture by itself, and gives the same bits on every processor.
pub(super) fn filter_graph(
    recipe: &Recipe,
    source: &VideoFormat,
    decoded: &PixelFormat,
    encoded: &VideoFormat,
) -> String {
    let cropped = recipe.crop.and_then(|crop| crop.within(source.resolution));
    let before = cropped.map_or(source.resolution, |region| region.size);
    let padded = recipe
        .padding
        .and_then(|edges| edges.within(encoded.resolution));
    let after = padded.map_or(encoded.resolution, |region| region.size);
    let resized = before != after || *decoded != encoded.pixel_format;
    let steps = [
        cropped.map(crop),
        resized.then(|| scale(recipe, encoded, after)),
        padded.map(|region| pad(region, encoded)),
    ];
    steps.into_iter().flatten().collect::<Vec<_>>().join(",")
}

fn crop(region: Region) -> String {
    let Region { left, top, size } = region;
    let (width, height) = (size.width(), size.height());
    format!("crop=w={width}:h={height}:x={left}:y={top}:exact=1")
}

fn pad(region: Region, encoded: &VideoFormat) -> String {
    let (width, height) = (encoded.resolution.width(), encoded.resolution.height());
    let Region { left, top, .. } = region;
    format!("pad=w={width}:h={height}:x={left}:y={top}:color=black")
}

fn scale(recipe: &Recipe, encoded: &VideoFormat, size: video::Resolution) -> String {
    let kernel = recipe.size.map_or(Kernel::default(), |size| size.kernel);
    let interlaced = u8::from(encoded.scan_type.is_interlaced());
    let range = match encoded.colour.range {
        Range::Full => "full",
        Range::Limited | Range::Unspecified => "limited",
    };
    // Ordered dither depends on nothing but a sample's place.
    format!(
        "scale=w={}:h={}:interl={interlaced}:in_range={range}:out_range={range}:sws_dither=bayer:\
         flags={}+accurate_rnd+full_chroma_int+bitexact,format={}",
        size.width(),
        size.height(),
        kernel.ffmpeg_name(),
        encoded.pixel_format,
    )
}
