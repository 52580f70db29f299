//! What the later functions read of the splitter's work.

use std::fs;

use errors::Error;
use stratum_frames::FrameTable;
use stratum_function::{WorkDir, io};
use ves_api::recipe::ResolvedRecipe;

use crate::mp4::Timeline;

/// Name of the frame table: of the source for a splitter, of the encode for what comes after it.
pub(crate) const FRAME_TABLE: &str = "frames.table";
/// Name of the source's frame table, where that of the encode is another.
pub(crate) const SOURCE_TABLE: &str = "source.table";
/// Name of what chunks are decoded from.
pub(crate) const CHUNK_SOURCES: &str = "chunks.json";
/// Name of the assembled file.
pub(crate) const VIDEO: &str = "video";
/// Name of the resolved recipe.
pub(crate) const RECIPE: &str = "recipe.json";

/// `input/recipe.json`.
pub(crate) fn recipe(work: &WorkDir) -> Result<ResolvedRecipe, Error> {
    let path = work.input(RECIPE);
    let json = fs::read(&path).map_err(|e| io("reading", &path, &e))?;
    ResolvedRecipe::from_json(&json)
}

/// `input/frames.table`.
pub(crate) fn frame_table(work: &WorkDir) -> Result<FrameTable, Error> {
    let path = work.input(FRAME_TABLE);
    let bytes = fs::read(&path).map_err(|e| io("reading", &path, &e))?;
    FrameTable::decode(&bytes)
        .map_err(|e| Error::platform("MALFORMED_INPUT", format!("{}: {e}", path.display())))
}

/// When each frame is shown, by `input/frames.table`.
pub(crate) fn timeline(work: &WorkDir) -> Result<Timeline, Error> {
    Ok(timeline_of(&frame_table(work)?))
}

/// When each frame is shown, by a frame table.
pub fn timeline_of(table: &FrameTable) -> Timeline {
    Timeline {
        time_base: table.source().format.time_base,
        pts: table.range(0, table.len()).map(|frame| frame.pts).collect(),
        last_duration: table
            .len()
            .checked_sub(1)
            .and_then(|last| table.duration(last))
            .unwrap_or(1),
    }
}
