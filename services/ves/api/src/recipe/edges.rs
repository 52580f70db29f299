//! What is cut off a picture, and what is put around it.

use errors::Error;
use video::{PixelFormat, Range, Region, Resolution, VideoFormat};

use crate::recipe::MAX_SIDE;
use crate::recipe::layout::grid;

/// Pixels at the sides of a picture, each at most [`MAX_SIDE`], not all 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Edges {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) right: u32,
    pub(super) bottom: u32,
}

impl Edges {
    /// None when there is nothing at any side, or too much at one.
    pub fn new(left: u32, top: u32, right: u32, bottom: u32) -> Option<Self> {
        let sides = [left, top, right, bottom];
        let possible = sides.iter().all(|side| *side <= MAX_SIDE) && sides != [0; 4];
        possible.then_some(Self {
            left,
            top,
            right,
            bottom,
        })
    }

    /// What lies within these edges of a picture of that size; none when nothing does.
    pub fn within(self, picture: Resolution) -> Option<Region> {
        let less = |length: u32, edges: u32| length.checked_sub(edges);
        let size = Resolution::new(
            less(picture.width(), self.left + self.right)?,
            less(picture.height(), self.top + self.bottom)?,
        )?;
        Some(Region {
            left: self.left,
            top: self.top,
            size,
        })
    }

    /// The size of a picture of that size with these edges around it.
    fn around(self, picture: Resolution) -> Option<Resolution> {
        let width = picture.width() + self.left + self.right;
        let height = picture.height() + self.top + self.bottom;
        let size = Resolution::new(width, height);
        size.filter(|size| size.width() <= MAX_SIDE && size.height() <= MAX_SIDE)
    }
}

/// Cuts `crop` off the picture of `format`, whose samples are `decoded`; notes what is wrong with it.
pub(super) fn cut(
    format: &mut VideoFormat,
    crop: Option<Edges>,
    decoded: &PixelFormat,
    problems: &mut Vec<Error>,
) {
    let Some(crop) = crop else {
        return;
    };
    check_grid("crop", crop, format, decoded, problems);
    match crop.within(format.resolution) {
        Some(region) => format.resolution = region.size,
        None => {
            let message = format!("nothing is left of a picture of {}", format.resolution);
            let hint = "cut off less than the picture's width and height";
            problems.push(out_of_range("crop", message, hint));
        }
    }
}

/// Puts `padding` around the picture of `format`; notes what is wrong with it.
pub(super) fn surround(
    format: &mut VideoFormat,
    padding: Option<Edges>,
    problems: &mut Vec<Error>,
) {
    let Some(padding) = padding else {
        return;
    };
    check_grid("padding", padding, format, &format.pixel_format, problems);
    if format.colour.range == Range::Full {
        let message = "only pictures of the limited range can be padded with black";
        problems.push(
            Error::user("IMPOSSIBLE_COMBINATION", message)
                .at("recipe.padding")
                .hint("leave the padding out"),
        );
    }
    match padding.around(format.resolution) {
        Some(size) => format.resolution = size,
        None => {
            let message = format!("a picture of {} with it is too large", format.resolution);
            let hint = format!("pad to at most {MAX_SIDE} pixels along either side");
            problems.push(out_of_range("padding", message, &hint));
        }
    }
}

/// A picture that began between two chroma samples would have its colours moved.
fn check_grid(
    field: &str,
    edges: Edges,
    format: &VideoFormat,
    layout: &PixelFormat,
    problems: &mut Vec<Error>,
) {
    let (wide, high) = grid(layout, format.scan_type);
    for (side, length, unit) in [("left", edges.left, wide), ("top", edges.top, high)] {
        if !length.is_multiple_of(unit) {
            let message = format!("{length} pixels do not keep to the chroma grid of {layout}");
            let (down, up) = (length / unit * unit, length.next_multiple_of(unit));
            let hint = format!("use {down} or {up}");
            problems.push(out_of_range(&format!("{field}.{side}"), message, &hint));
        }
    }
}

fn out_of_range(field: &str, message: String, hint: &str) -> Error {
    Error::user("OUT_OF_RANGE", message)
        .at(format!("recipe.{field}"))
        .hint(hint)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn edges_are_some_and_not_too_many() {
        assert_eq!(Edges::new(0, 0, 0, 0), None);
        assert_eq!(Edges::new(0, MAX_SIDE + 1, 0, 0), None);
        assert!(Edges::new(0, 0, 0, 1).is_some());
    }

    proptest! {
        #[test]
        fn what_is_put_around_is_what_is_cut_off(
            sides: [u8; 4], width in 1u32..4_000, height in 1u32..4_000,
        ) {
            let [left, top, right, bottom] = sides.map(u32::from);
            let picture = Resolution::new(width, height).unwrap();
            if let Some(edges) = Edges::new(left, top, right, bottom) {
                let around = edges.around(picture).unwrap();
                let within = edges.within(around).unwrap();
                prop_assert_eq!(within.size, picture);
                prop_assert!(within.is_within(around));
                prop_assert!(edges.within(picture).is_none_or(|region| region.is_within(picture)));
            }
        }
    }
}
