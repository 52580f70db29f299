//! Which sample layout is decoded to, and which is encoded.

use errors::Error;
use video::{Chroma, PixelFormat, ScanType};

use crate::recipe::BitDepth;

/// The planar layout that holds every sample of `source`, only arranged otherwise.
pub(super) fn decoded(source: &PixelFormat) -> Result<PixelFormat, Error> {
    let name = match source.as_str() {
        "yuv420p" | "yuvj420p" | "nv12" | "nv21" => "yuv420p",
        "yuv422p" | "yuvj422p" | "nv16" | "yuyv422" | "uyvy422" => "yuv422p",
        "yuv444p" | "yuvj444p" | "nv24" | "nv42" => "yuv444p",
        "yuv420p10le" | "yuv420p10be" | "p010le" | "p010be" => "yuv420p10le",
        "yuv422p10le" | "yuv422p10be" | "p210le" | "p210be" => "yuv422p10le",
        "yuv444p10le" | "yuv444p10be" | "p410le" | "p410be" => "yuv444p10le",
        "yuv420p12le" | "yuv420p12be" => "yuv420p12le",
        "yuv422p12le" | "yuv422p12be" => "yuv422p12le",
        "yuv444p12le" | "yuv444p12be" => "yuv444p12le",
        "gray" => "gray",
        "gray10le" | "gray10be" => "gray10le",
        "gray12le" | "gray12be" => "gray12le",
        _ => "",
    };
    PixelFormat::new(name).ok_or_else(|| {
        let message = format!("the source's samples are {source}, which cannot be encoded");
        Error::user("UNSUPPORTED_PIXEL_FORMAT", message)
            .at("recipe.codec.format")
            .hint("convert the source to 8, 10 or 12 bits of grey, 4:2:0, 4:2:2 or 4:4:4 first")
    })
}

/// That layout with the bits per sample that were asked for, or its own; refused beyond 10.
pub(super) fn with_depth(
    decoded: &PixelFormat,
    chroma: Option<Chroma>,
    depth: Option<BitDepth>,
) -> Result<PixelFormat, Error> {
    let depth = depth.map(u8::from).or(decoded.bit_depth());
    let name = match chroma {
        Some(Chroma::Yuv420) => "yuv420p",
        Some(Chroma::Yuv422) => "yuv422p",
        Some(Chroma::Yuv444) => "yuv444p",
        Some(Chroma::Monochrome) => "gray",
        _ => "",
    };
    let layout = match (name, depth) {
        ("", _) => None,
        (name, Some(8)) => PixelFormat::new(name),
        (name, Some(10)) => PixelFormat::new(format!("{name}10le")),
        _ => None,
    };
    layout.ok_or_else(|| {
        let message = format!("the source's samples are {decoded}, which the encoder cannot hold");
        Error::user("UNSUPPORTED_PIXEL_FORMAT", message)
            .at("recipe.codec.bit_depth")
            .hint("ask for 8 or 10 bits per sample")
    })
}

/// Pixels from one chroma sample to the next: across, and down.
pub(super) fn grid(layout: &PixelFormat, scan: ScanType) -> (u32, u32) {
    let chroma = layout.chroma();
    let wide = u32::from(matches!(chroma, Some(Chroma::Yuv420 | Chroma::Yuv422))) + 1;
    let high = u32::from(chroma == Some(Chroma::Yuv420)) + 1;
    let fields = u32::from(scan.is_interlaced()) + 1;
    (wide, high * fields)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn depth_is_the_sources_or_what_was_asked_for() {
        let layout = |name: &str, depth| {
            let decoded = decoded(&PixelFormat::new(name).unwrap()).unwrap();
            with_depth(&decoded, decoded.chroma(), depth).map(|layout| layout.to_string())
        };
        assert_eq!(layout("nv12", None).unwrap(), "yuv420p");
        assert_eq!(layout("nv12", Some(BitDepth::Ten)).unwrap(), "yuv420p10le");
        assert_eq!(layout("p210be", None).unwrap(), "yuv422p10le");
        assert_eq!(
            layout("yuv444p12be", Some(BitDepth::Eight)).unwrap(),
            "yuv444p"
        );
        assert_eq!(layout("gray12le", Some(BitDepth::Ten)).unwrap(), "gray10le");
        let error = layout("yuv422p12le", None).unwrap_err();
        assert_eq!(error.code, "UNSUPPORTED_PIXEL_FORMAT");
        assert!(decoded(&PixelFormat::new("gbrp").unwrap()).is_err());
    }
}
