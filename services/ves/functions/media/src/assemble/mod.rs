//! Stitches encoded chunks into one file without encoding again.

mod avc;
mod chunks;
mod copied;
mod others;
mod probe;
mod video;
mod write;

use std::fs;

use errors::Error;
use ves_api::function::{AssembleParams, AssembleResult, Progress, WorkDir, io};

use crate::inputs::{recipe, timeline};
use crate::mp4::{Edit, Movie, Track, interleave};
pub use probe::mp4_holds;

use chunks::Chunks;
use others::Others;
use write::{Source, write};

/// Name of the assembled file below `output/`.
pub(crate) const VIDEO: &str = "video.mp4";

/// Assembles `input/chunks/` by `input/units/`, `input/frames.table` and `input/recipe.json`, and
/// adds the other tracks of `input/source`.
pub fn assemble(
    work: &WorkDir,
    params: AssembleParams,
    progress: &mut Progress,
) -> Result<AssembleResult, Error> {
    let recipe = recipe(work)?;
    let timeline = timeline(work)?;
    let chunks = Chunks::open(work, &recipe.plan)?;
    let video = video::Video::new(&recipe, &timeline, &chunks)?;
    let others = match params.copy_other_tracks {
        true => Others::extract(work, video.timing.timescale)?,
        false => Others::none(video.timing.timescale),
    };
    let timescale = others.timescale;
    let starts = starts(&video, &others);
    let mut tracks = vec![video.track(timescale)];
    let mut sources: Vec<Box<dyn Source>> = vec![Box::new(video.source(&chunks))];
    for other in others.tracks {
        tracks.push(other.track);
        sources.push(Box::new(other.source));
    }
    delay(&mut tracks, &starts);
    let other_tracks = tracks.len() as u64 - 1;
    let movie = Movie {
        timescale,
        runs: interleave(&tracks),
        tracks,
    };
    let bytes = write(work, VIDEO, movie, &mut sources, progress)?;
    remove(work, others::FILE)?;
    Ok(AssembleResult {
        frames: timeline.pts.len() as u64,
        bytes,
        other_tracks,
        warnings: others.warnings,
    })
}

/// When each track's presentation begins on the source's clock, in units of the movie.
fn starts(video: &video::Video, others: &Others) -> Vec<i128> {
    let scale = i128::from(others.timescale);
    let start = i128::from(video.timing.start) * scale / i128::from(video.timing.timescale);
    [start]
        .into_iter()
        .chain(others.tracks.iter().map(|other| other.start))
        .collect()
}

/// The earliest track begins at once, the others as much later as in the source.
fn delay(tracks: &mut [Track], starts: &[i128]) {
    let origin = starts.iter().copied().min().unwrap_or(0);
    for (track, start) in tracks.iter_mut().zip(starts) {
        let delay = u64::try_from(start - origin).unwrap_or(0);
        track.edit = Edit {
            delay,
            ..track.edit
        };
    }
}

/// What only helped is not published.
fn remove(work: &WorkDir, name: &str) -> Result<(), Error> {
    let path = work.output(name);
    match fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(io("removing", &path, &e)),
        _ => Ok(()),
    }
}
