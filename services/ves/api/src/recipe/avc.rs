//! What x264 is told, and what it cannot do.

use errors::Error;
use video::{Chroma, PixelFormat, Range, ScanType, VideoFormat};

use crate::recipe::encoder::{Encoder, check_sides, words};
use crate::recipe::layout::with_depth;
use crate::recipe::{Avc, ChunkPlan, Profile, RateControl};

impl Encoder for Avc {
    fn layout(&self, decoded: &PixelFormat) -> Result<PixelFormat, Error> {
        with_depth(decoded, decoded.chroma(), self.bit_depth)
    }

    fn check(&self, format: &VideoFormat) -> Result<(), Error> {
        check_size(format)?;
        check_profile(*self, &format.pixel_format)
    }

    fn args(&self, rate: RateControl, format: &VideoFormat, _: &ChunkPlan) -> Vec<String> {
        encoder_args(*self, rate, format)
    }
}

fn check_size(format: &VideoFormat) -> Result<(), Error> {
    let chroma = format.pixel_format.chroma();
    let wide = u32::from(matches!(chroma, Some(Chroma::Yuv420 | Chroma::Yuv422))) + 1;
    let high = u32::from(chroma == Some(Chroma::Yuv420)) + 1;
    check_sides(
        format,
        wide,
        high * (u32::from(format.scan_type.is_interlaced()) + 1),
    )
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

fn encoder_args(avc: Avc, rate: RateControl, format: &VideoFormat) -> Vec<String> {
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
    args.extend(words(["-x264-params", &x264_params(format, rate)]));
    args
}

/// What x264 calls a colour that nobody told.
const UNSPECIFIED: &str = "undef";

/// One thread and no processor-dependent shortcuts give the same bytes everywhere; `stitchable`
/// keeps the parameter sets equal over chunks.
fn x264_params(format: &VideoFormat, rate: RateControl) -> String {
    let sar = format.sample_aspect_ratio.as_rational();
    let mut params = vec![
        "threads=1:lookahead-threads=1:sliced-threads=0".to_owned(),
        "cpu-independent=1:stitchable=1:open-gop=0:keyint=250".to_owned(),
        format!("sar={sar}"),
    ];
    if rate == RateControl::Lossless {
        // Told a pixel shape, x264 (build 164) forgets to leave this off, and skips blocks that
        // differ by little.
        params.push("fast-pskip=0".into());
    }
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
