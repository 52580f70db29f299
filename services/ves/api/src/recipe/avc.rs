//! What x264 is told, and what it cannot do.

use errors::Error;
use video::{Chroma, PixelFormat, Range, Resolution, ScanType, VideoFormat};

use crate::recipe::{Avc, Profile, RateControl};

/// The layout x264 takes that holds every sample of `source`, only arranged otherwise.
pub(super) fn layout(source: &PixelFormat) -> Result<PixelFormat, Error> {
    let name = match source.as_str() {
        "yuv420p" | "yuvj420p" | "nv12" | "nv21" => "yuv420p",
        "yuv422p" | "yuvj422p" | "nv16" | "yuyv422" | "uyvy422" => "yuv422p",
        "yuv444p" | "yuvj444p" | "nv24" | "nv42" => "yuv444p",
        "yuv420p10le" | "yuv420p10be" | "p010le" | "p010be" => "yuv420p10le",
        "yuv422p10le" | "yuv422p10be" | "p210le" | "p210be" => "yuv422p10le",
        "yuv444p10le" | "yuv444p10be" | "p410le" | "p410be" => "yuv444p10le",
        "gray" => "gray",
        "gray10le" | "gray10be" => "gray10le",
        _ => "",
    };
    PixelFormat::new(name).ok_or_else(|| {
        let message = format!("the source's samples are {source}, which AVC cannot hold unchanged");
        Error::user("UNSUPPORTED_PIXEL_FORMAT", message)
            .at("recipe.codec.format")
            .hint("convert the source to 8 or 10 bits of grey, 4:2:0, 4:2:2 or 4:4:4 first")
    })
}

/// Refuses what x264 would refuse later, chunk by chunk.
pub(super) fn check(avc: Avc, format: &VideoFormat) -> Result<(), Error> {
    check_size(format)?;
    check_profile(avc, &format.pixel_format)
}

fn check_size(format: &VideoFormat) -> Result<(), Error> {
    let chroma = format.pixel_format.chroma();
    let wide = u32::from(matches!(chroma, Some(Chroma::Yuv420 | Chroma::Yuv422))) + 1;
    let high = u32::from(chroma == Some(Chroma::Yuv420)) + 1;
    let high = high * (u32::from(format.scan_type.is_interlaced()) + 1);
    let size = format.resolution;
    if size.width().is_multiple_of(wide) && size.height().is_multiple_of(high) {
        return Ok(());
    }
    let message = format!(
        "a picture of {size} cannot be coded as {}: its width must be a multiple of {wide}, its height of {high}",
        format.pixel_format
    );
    Err(Error::user("UNSUPPORTED_SIZE", message)
        .at("recipe.resolution")
        .hint(format!("ask for {}", rounded(size, wide, high))))
}

fn rounded(size: Resolution, wide: u32, high: u32) -> String {
    let down = |length: u32, unit: u32| (length / unit * unit).max(unit);
    format!("{}x{}", down(size.width(), wide), down(size.height(), high))
}

fn check_profile(avc: Avc, layout: &PixelFormat) -> Result<(), Error> {
    let Some(profile) = avc.profile else {
        return Ok(());
    };
    let least = least_profile(layout);
    let holds = profile as u8 >= least as u8;
    holds.then_some(()).ok_or_else(|| {
        let message = format!("the profile {} cannot hold {layout}", profile.name());
        Error::user("IMPOSSIBLE_COMBINATION", message)
            .at("recipe.codec.profile")
            .hint(format!("use {}, or leave the profile out", least.name()))
    })
}

fn least_profile(layout: &PixelFormat) -> Profile {
    let deep = layout.bit_depth().is_none_or(|depth| depth > 8);
    match (layout.chroma(), deep) {
        (Some(Chroma::Yuv420), false) => Profile::Baseline,
        (Some(Chroma::Monochrome), false) => Profile::High,
        (Some(Chroma::Yuv420 | Chroma::Monochrome), true) => Profile::High10,
        (Some(Chroma::Yuv422), _) => Profile::High422,
        _ => Profile::High444,
    }
}

/// ffmpeg's encoder options.
pub(super) fn encoder_args(avc: Avc, rate: RateControl, format: &VideoFormat) -> Vec<String> {
    let mut args = words([
        "-c:v",
        "libx264",
        "-threads",
        "1",
        "-preset",
        avc.preset.name(),
    ]);
    let named = [
        ("-tune", avc.tune.map(|tune| tune.name())),
        ("-profile:v", avc.profile.map(|profile| profile.name())),
        ("-level:v", avc.level.map(|level| level.name())),
    ];
    for (option, name) in named {
        args.extend(name.into_iter().flat_map(|name| words([option, name])));
    }
    args.extend(match rate {
        RateControl::Crf(crf) => words(["-crf", &crf.to_string()]),
        RateControl::Lossless => words(["-qp", "0"]),
    });
    args.extend(words(["-pix_fmt", format.pixel_format.as_str()]));
    args.extend(words(["-x264-params", &x264_params(format)]));
    args
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).into()
}

/// What x264 calls a colour that nobody told.
const UNSPECIFIED: &str = "undef";

/// One thread and no processor-dependent shortcuts give the same bytes everywhere; `stitchable`
/// keeps the parameter sets equal over chunks.
fn x264_params(format: &VideoFormat) -> String {
    let sar = format.sample_aspect_ratio.as_rational();
    let mut params = vec![
        "threads=1:lookahead-threads=1:sliced-threads=0".to_owned(),
        "cpu-independent=1:stitchable=1:open-gop=0:keyint=250".to_owned(),
        format!("sar={sar}"),
    ];
    let colour = format.colour;
    let named = [
        ("colorprim", colour.primaries.x264_name()),
        ("transfer", colour.transfer.x264_name()),
        ("colormatrix", colour.matrix.x264_name()),
        ("fullrange", (colour.range == Range::Full).then_some("on")),
    ];
    params.extend(
        named
            .iter()
            .filter_map(|(key, name)| Some((key, (*name)?)))
            .filter(|(_, name)| *name != UNSPECIFIED)
            .map(|(key, name)| format!("{key}={name}")),
    );
    match format.scan_type {
        ScanType::TopFieldFirst => params.push("tff=1".into()),
        ScanType::BottomFieldFirst => params.push("bff=1".into()),
        ScanType::Progressive | ScanType::Unknown => {}
    }
    params.join(":")
}
