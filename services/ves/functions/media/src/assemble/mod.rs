//! Stitches encoded chunks into one file without encoding again.

mod chunks;
mod copied;
mod description;
mod elementary;
mod fragments;
mod framing;
mod ivf;
mod matroska;
mod movie;
mod others;
mod probe;
mod video;
mod write;

use std::fs;

use errors::Error;
use stratum_function::{Progress, WorkDir, io};
use ves_api::function::{AssembleParams, AssembleResult};
use ves_api::recipe::{Container, ResolvedRecipe};

use crate::inputs::{VIDEO, recipe, timeline};
use crate::mp4::Timeline;
use chunks::Chunks;
pub use fragments::{FragmentedVideo, Sample};
pub use probe::holds;

/// All that a file is made of, but for the other tracks.
struct Assembly<'a> {
    work: &'a WorkDir,
    recipe: ResolvedRecipe,
    timeline: Timeline,
    chunks: Chunks,
    copy_other_tracks: bool,
}

/// A file that is complete.
#[derive(Default)]
struct Assembled {
    bytes: u64,
    /// Tracks beside the video.
    other_tracks: u64,
    warnings: Vec<String>,
}

/// Assembles `input/chunks/` by `input/units/`, `input/tracks/`, `input/frames.table` and
/// `input/recipe.json`, and adds the other tracks of `input/source`.
pub fn assemble(
    work: &WorkDir,
    params: AssembleParams,
    progress: &mut Progress,
) -> Result<AssembleResult, Error> {
    let recipe = recipe(work)?;
    let assembly = Assembly {
        work,
        timeline: timeline(work)?,
        chunks: Chunks::open(work, &recipe.plan)?,
        recipe,
        copy_other_tracks: params.copy_other_tracks,
    };
    let file = match assembly.recipe.recipe.container {
        Container::Mp4 => movie::write_movie(&assembly, progress),
        Container::Elementary => elementary::concatenate(&assembly, progress),
        Container::Ivf => ivf::write(&assembly, progress),
        Container::Mkv => matroska::mux(&assembly, Container::Mkv, progress),
        Container::WebM => matroska::mux(&assembly, Container::WebM, progress),
    }?;
    Ok(AssembleResult {
        frames: assembly.timeline.pts.len() as u64,
        bytes: file.bytes,
        video_bytes: assembly.chunks.bytes(),
        other_tracks: file.other_tracks,
        warnings: file.warnings,
    })
}

/// What only helped is not published.
fn remove(work: &WorkDir, name: &str) -> Result<(), Error> {
    let path = work.output(name);
    match fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(io("removing", &path, &e)),
        _ => Ok(()),
    }
}
