//! What is asked for, and where its unfinished work is kept (found again by the same command).

use std::path::{Path, PathBuf};

use blob::FileUri;
use buffa::Message;
use ves_api::wire;

use super::args::{Align, EncodeArgs, RecipeArgs, Tracks};
use super::cache::JOBS;
use super::duration::ChunkLength;
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
    pub(super) fn of(args: &EncodeArgs, places: &Places) -> Self {
        let mut request = request(args, places);
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

fn request(args: &EncodeArgs, places: &Places) -> wire::EncodeRequest {
    wire::EncodeRequest {
        video_source: Some(wire::VideoSource {
            uri: uri(&places.source.path),
            ..Default::default()
        })
        .into(),
        recipe: Some(recipe(&args.recipe)).into(),
        output: Some(target(&places.output, args.run.overwrite)).into(),
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

/// What the arguments ask for.
pub(super) fn recipe(args: &RecipeArgs) -> wire::Recipe {
    let tracks = match args.tracks {
        Tracks::Copy => wire::OtherTracks::Copy,
        Tracks::None => wire::OtherTracks::None,
    };
    wire::Recipe {
        codec: Some(codec(args)).into(),
        chunking_directives: Some(chunking(args)).into(),
        rate_control: Some(rate_control(args)).into(),
        container: wire::Container::Mp4.into(),
        other_tracks: tracks.into(),
        ..Default::default()
    }
}

fn codec(args: &RecipeArgs) -> wire::Codec {
    wire::Codec {
        format: wire::CodecFormat::Avc.into(),
        preset: args.preset.clone(),
        profile: args.profile.clone().unwrap_or_default(),
        level: args.level.clone().unwrap_or_default(),
        tune: args.tune.clone().unwrap_or_default(),
        ..Default::default()
    }
}

fn chunking(args: &RecipeArgs) -> wire::ChunkingDirectives {
    use wire::chunking_directives::Target;
    let target = match args.chunk {
        ChunkLength::Milliseconds(ms) => Target::DurationMs(ms),
        ChunkLength::Frames(frames) => Target::Frames(frames),
    };
    let alignment = match args.align {
        Align::Source => wire::ChunkAlignment::Source,
        Align::Fixed => wire::ChunkAlignment::Fixed,
    };
    wire::ChunkingDirectives {
        target: Some(target),
        alignment: alignment.into(),
        ..Default::default()
    }
}

fn rate_control(args: &RecipeArgs) -> wire::RateControl {
    use wire::rate_control::Mode;
    let mode = match (args.lossless, args.crf) {
        (true, _) => Mode::Lossless(true),
        (false, crf) => Mode::Crf(crf.unwrap_or(23.0)),
    };
    wire::RateControl {
        mode: Some(mode),
        ..Default::default()
    }
}

/// The file URI of a path. One that is not absolute has none, and is refused at the door.
pub(super) fn uri(path: &Path) -> String {
    FileUri::of(path)
        .map(|uri| uri.to_string())
        .unwrap_or_default()
}
