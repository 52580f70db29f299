//! What the later functions read of the splitter's work.

use std::fs;

use errors::Error;
use ves_api::function::{WorkDir, io};
use ves_api::recipe::ResolvedRecipe;

use crate::mp4::Timeline;

/// Name of the frame table.
pub(crate) const FRAME_TABLE: &str = "frames.table";
/// Name of the resolved recipe.
pub(crate) const RECIPE: &str = "recipe.json";

/// `input/recipe.json`.
pub(crate) fn recipe(work: &WorkDir) -> Result<ResolvedRecipe, Error> {
    let path = work.input(RECIPE);
    let json = fs::read(&path).map_err(|e| io("reading", &path, &e))?;
    ResolvedRecipe::from_json(&json)
}

/// When each frame is shown, by `input/frames.table`.
pub(crate) fn timeline(work: &WorkDir) -> Result<Timeline, Error> {
    work.read_json(&work.input(FRAME_TABLE))
}
