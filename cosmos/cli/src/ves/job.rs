//! What is asked for, and where its unfinished work is kept (found again by the same command).

use std::path::{Path, PathBuf};

use blob::FileUri;
use buffa::Message;
use proto::video::v1;
use ves_api::recipe::Coding;
use ves_api::wire;
use video::StaticHdr;

use super::args::{Align, Deinterlace, Kernel, RecipeArgs, Tracks};
use super::cache::JOBS;
use super::container::{self, ContainerName};
use super::duration::ChunkLength;
use super::edges::EdgesArg;
use super::place::Places;

/// One encode.
#[derive(Debug)]
pub(super) struct Job {
    pub request: wire::EncodeRequest,
    /// State of this encode alone.
    pub state: PathBuf,
}

impl Job {
    /// The encode that `args` describe. The same command over the same source has the
    /// same state; any other has its own, so that runs never wait for one another.
    pub(super) fn of(args: &RecipeArgs, overwrite: bool, places: &Places) -> Self {
        let mut request = request(args, overwrite, places);
        let key = key(&request, places);
        request.idempotency_key = key.clone();
        Self {
            request,
            state: places.state.join(JOBS).join(key),
        }
    }
}

/// Whether a file is replaced does not make it another encode.
fn key(request: &wire::EncodeRequest, places: &Places) -> String {
    let mut request = request.clone();
    request.output = Some(target(&places.output, false)).into();
    ids::derived([
        request.encode_to_vec().as_slice(),
        places.source.identity.as_bytes(),
    ])
}

fn request(args: &RecipeArgs, overwrite: bool, places: &Places) -> wire::EncodeRequest {
    wire::EncodeRequest {
        video_source: Some(wire::VideoSource {
            uri: places.source.uri.clone(),
            ..Default::default()
        })
        .into(),
        recipe: Some(recipe(args, Some(&places.output))).into(),
        output: Some(target(&places.output, overwrite)).into(),
        ..Default::default()
    }
}

pub(super) fn target(output: &Path, overwrite: bool) -> wire::OutputTarget {
    wire::OutputTarget {
        uri: uri(output),
        overwrite,
        ..Default::default()
    }
}

/// What the arguments ask for, of a file of that name; by themselves when there is none.
pub(super) fn recipe(args: &RecipeArgs, output: Option<&Path>) -> wire::Recipe {
    let container = args
        .container
        .or_else(|| output.and_then(ContainerName::of));
    wire::Recipe {
        codec: codec(args, output).into(),
        resolution: resolution(args).into(),
        chunking_directives: chunking(args).into(),
        rate_control: rate_control(args).into(),
        container: container
            .map_or(wire::Container::Unspecified, ContainerName::wire)
            .into(),
        other_tracks: match args.tracks {
            None => wire::OtherTracks::Unspecified,
            Some(Tracks::Copy) => wire::OtherTracks::Copy,
            Some(Tracks::None) => wire::OtherTracks::None,
        }
        .into(),
        damage: match args.conceal {
            true => wire::Damage::Conceal,
            false => wire::Damage::Unspecified,
        }
        .into(),
        static_hdr: static_hdr(args).into(),
        crop: args.crop.map(EdgesArg::wire).into(),
        padding: args.pad.map(EdgesArg::wire).into(),
        deinterlacing: match args.deinterlace {
            None => v1::Deinterlacing::Unspecified,
            Some(Deinterlace::Frame) => v1::Deinterlacing::Frame,
            Some(Deinterlace::Field) => v1::Deinterlacing::Field,
        }
        .into(),
        frame_rate: args.fps.map(|fps| v1::Rational::from(fps.0)).into(),
        named_preset: args.named_preset.clone().unwrap_or_default(),
        ..Default::default()
    }
}

/// What was said of the codec; the format is left to a preset, else goes by the file.
fn codec(args: &RecipeArgs, output: Option<&Path>) -> Option<wire::Codec> {
    let usual = || match args.named_preset {
        Some(_) => wire::CodecFormat::Unspecified,
        None => container::usual_coding(output).format,
    };
    let asked = args.codec.as_deref().and_then(Coding::named);
    let format = asked.map_or_else(usual, |coding| coding.format);
    Some(wire::Codec {
        format: format.into(),
        preset: args.preset.clone().unwrap_or_default(),
        profile: args.profile.clone().unwrap_or_default(),
        level: args.level.clone().unwrap_or_default(),
        tune: args.tune.clone().unwrap_or_default(),
        bit_depth: args.bit_depth.unwrap_or_default(),
        ..Default::default()
    })
}

fn resolution(args: &RecipeArgs) -> Option<wire::Resolution> {
    let (width, height) = match (args.size, args.height) {
        (Some(size), _) => (size.width, size.height),
        (None, Some(height)) => (0, height),
        (None, None) => return None,
    };
    let kernel = args.kernel.map(|kernel| match kernel {
        Kernel::Bicubic => wire::ScalingKernel::Bicubic,
        Kernel::Lanczos => wire::ScalingKernel::Lanczos,
        Kernel::Bilinear => wire::ScalingKernel::Bilinear,
        Kernel::Spline => wire::ScalingKernel::Spline,
        Kernel::Area => wire::ScalingKernel::Area,
        Kernel::Nearest => wire::ScalingKernel::Nearest,
    });
    Some(wire::Resolution {
        width,
        height,
        kernel: kernel.unwrap_or_default().into(),
        ..Default::default()
    })
}

fn static_hdr(args: &RecipeArgs) -> Option<wire::StaticHdr> {
    let hdr = StaticHdr {
        mastering_display: args.mastering_display,
        content_light: args.content_light,
    };
    (!hdr.is_empty()).then(|| hdr.into())
}

fn chunking(args: &RecipeArgs) -> Option<wire::ChunkingDirectives> {
    use wire::chunking_directives::Target;
    let target = args.chunk.map(|length| match length {
        ChunkLength::Milliseconds(ms) => Target::DurationMs(ms),
        ChunkLength::Frames(frames) => Target::Frames(frames),
    });
    let alignment = args.align.map(|align| match align {
        Align::Source => wire::ChunkAlignment::Source,
        Align::Fixed => wire::ChunkAlignment::Fixed,
    });
    let told = target.is_some() || alignment.is_some() || args.aligned_access;
    told.then(|| wire::ChunkingDirectives {
        target,
        alignment: alignment.unwrap_or_default().into(),
        aligned_access: args.aligned_access,
        ..Default::default()
    })
}

fn rate_control(args: &RecipeArgs) -> Option<wire::RateControl> {
    use wire::rate_control::Mode;
    let mode = match (args.lossless, args.bitrate) {
        (true, _) => Some(Mode::Lossless(true)),
        (false, Some(rate)) => Some(Mode::Bitrate(rate.0)),
        (false, None) => quality(args).or(args.crf.map(Mode::Crf)),
    };
    (mode.is_some() || args.max_bitrate.is_some()).then(|| wire::RateControl {
        mode,
        max_bitrate: args.max_bitrate.map_or(0, |rate| rate.0),
        buffer: args.buffer.map_or(0, |bits| bits.0),
        ..Default::default()
    })
}

fn quality(args: &RecipeArgs) -> Option<wire::rate_control::Mode> {
    let asked = [
        (wire::QualityMetric::Vmaf, args.vmaf),
        (wire::QualityMetric::Ssim, args.ssim),
        (wire::QualityMetric::Xpsnr, args.xpsnr),
    ];
    let (metric, score) = asked
        .into_iter()
        .find_map(|(metric, score)| Some((metric, score?)))?;
    Some(wire::rate_control::Mode::from(wire::QualityTarget {
        metric: metric.into(),
        score,
        ..Default::default()
    }))
}

/// The file URI of a path. One that is not absolute has none, and is refused at the door.
pub(super) fn uri(path: &Path) -> String {
    FileUri::of(path)
        .map(|uri| uri.to_string())
        .unwrap_or_default()
}
