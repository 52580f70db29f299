//! Checks an assembled file against the frame table and the recipe.

mod decode;
mod format;
mod probe;
mod timestamps;

use std::thread;

use errors::Error;
use ves_api::function::{Progress, ValidateParams, ValidateResult, WorkDir};

use crate::inputs::{recipe, timeline};

/// What is checked, by the names callers know.
const CHECKS: [&str; 5] = [
    "format",
    "tracks",
    "frame-count",
    "timestamps",
    "clean-decode",
];
/// The most discrepancies that are told.
const TOLD: usize = 20;

/// Validates `input/video.mp4`. Everything is checked before anything is told.
pub fn validate(
    work: &WorkDir,
    params: ValidateParams,
    progress: &mut Progress,
) -> Result<ValidateResult, Error> {
    let (recipe, timeline) = (recipe(work)?, timeline(work)?);
    let video = work.input("video.mp4");
    let frames = timeline.pts.len() as u64;
    let (probed, decoded) = thread::scope(|scope| {
        let probed = scope.spawn(|| probe::probe(&video));
        let decoded = decode::decode(&video, frames, progress);
        (probed.join(), decoded)
    });
    let probed = probed.map_err(|_| Error::platform("PROBE", "the probing thread died"))??;
    let mut found = format::compare(&probed, &recipe.format);
    found.extend(format::compare_tracks(&probed, params.other_tracks));
    found.extend(timestamps::compare(&probed, &timeline));
    found.extend(decoded?);
    verdict(found, frames)
}

fn verdict(found: Vec<Error>, frames: u64) -> Result<ValidateResult, Error> {
    if found.is_empty() {
        let checks = CHECKS.map(str::to_owned).into();
        return Ok(ValidateResult { checks, frames });
    }
    let message = format!("the encoded file has {} discrepancies", found.len());
    let failed = Error::function("VALIDATION_FAILED", message);
    Err(found.into_iter().take(TOLD).fold(failed, Error::caused_by))
}
