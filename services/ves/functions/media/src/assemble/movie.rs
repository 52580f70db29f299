//! MP4: exact times, the index before the media.

use errors::Error;
use ves_api::function::{Progress, WorkDir};

use crate::assemble::chunks::Chunks;
use crate::assemble::description::kind;
use crate::assemble::others::{self, Others};
use crate::assemble::video::Video;
use crate::assemble::write::{Source, write};
use crate::assemble::{Assembled, Assembly, VIDEO, remove};
use crate::mp4::{Edit, Movie, Track, interleave};

/// Writes the video and the other tracks.
pub(super) fn write_movie(
    assembly: &Assembly<'_>,
    progress: &mut Progress,
) -> Result<Assembled, Error> {
    let Assembly {
        work,
        recipe,
        timeline,
        chunks,
        ..
    } = assembly;
    let video = Video::new(recipe, timeline, chunks)?;
    let others = match assembly.copy_other_tracks {
        true => Others::extract(work, video.timing.timescale)?,
        false => Others::none(video.timing.timescale),
    };
    let warnings = others.warnings.clone();
    let other_tracks = others.tracks.len() as u64;
    let bytes = write_tracks(work, VIDEO, &video, chunks, others, progress)?;
    remove(work, others::FILE)?;
    Ok(Assembled {
        bytes,
        other_tracks,
        warnings,
    })
}

/// Writes the video and these tracks as `output/{name}`, and returns its size.
pub(super) fn write_tracks(
    work: &WorkDir,
    name: &str,
    video: &Video,
    chunks: &Chunks,
    others: Others,
    progress: &mut Progress,
) -> Result<u64, Error> {
    let timescale = others.timescale;
    let starts = starts(video, &others);
    let mut tracks = vec![video.track(timescale)];
    let mut sources: Vec<Box<dyn Source>> = vec![Box::new(Video::source(chunks))];
    for other in others.tracks {
        tracks.push(other.track);
        sources.push(Box::new(other.source));
    }
    delay(&mut tracks, &starts);
    let movie = Movie {
        timescale,
        runs: interleave(&tracks),
        tracks,
    };
    let entry = kind(&chunks.track.sample_entry)?;
    write(work, name, &entry, movie, &mut sources, progress)
}

/// When each track's presentation begins on the source's clock, in units of the movie.
fn starts(video: &Video, others: &Others) -> Vec<i128> {
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
