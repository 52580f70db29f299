//! Checks an assembled file against the frame table and the recipe.

mod decode;
mod format;
mod probe;
mod timestamps;

use std::thread;

use errors::Error;
use ves_api::function::{Progress, ValidateParams, ValidateResult, WorkDir};
use ves_api::recipe::Container;

use crate::inputs::{VIDEO, recipe, timeline};

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

/// Validates `input/video`. Everything is checked before anything is told.
pub fn validate(
    work: &WorkDir,
    params: ValidateParams,
    progress: &mut Progress,
) -> Result<ValidateResult, Error> {
    let (recipe, timeline) = (recipe(work)?, timeline(work)?);
    let video = work.input(VIDEO);
    let format = match recipe.recipe.container {
        Container::Elementary => Some(recipe.recipe.codec.elementary_format()),
        _ => None,
    };
    let frames = timeline.pts.len() as u64;
    let (probed, decoded) = thread::scope(|scope| {
        let probed = scope.spawn(|| probe::probe(&video, format));
        let decoded = decode::decode(&video, format, frames, progress);
        (probed.join(), decoded)
    });
    let probed = probed.map_err(|_| Error::platform("PROBE", "the probing thread died"))??;
    let mut found = format::compare(&probed, &recipe);
    found.extend(format::compare_tracks(&probed, params.other_tracks));
    found.extend(timestamps::compare(
        &probed,
        &timeline,
        recipe.recipe.container,
    )?);
    found.extend(decoded?);
    verdict(
        found,
        frames,
        recipe.recipe.container != Container::Elementary,
    )
}

/// `timed`: whether the file tells times at all.
fn verdict(found: Vec<Error>, frames: u64, timed: bool) -> Result<ValidateResult, Error> {
    if found.is_empty() {
        let made = |check: &&str| timed || *check != "timestamps";
        let checks = CHECKS.into_iter().filter(made).map(str::to_owned);
        let checks = checks.collect();
        return Ok(ValidateResult { checks, frames });
    }
    let message = format!("the encoded file has {} discrepancies", found.len());
    let failed = Error::function("VALIDATION_FAILED", message);
    Err(found.into_iter().take(TOLD).fold(failed, Error::caused_by))
}
