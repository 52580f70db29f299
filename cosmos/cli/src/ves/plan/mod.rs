//! What an encode of a source would be: chunk by chunk, and track by track.

mod tracks;

use std::collections::BTreeMap;
use std::ops::Range;

use errors::Error;
use serde::Serialize;
use stratum_frames::{Examined, FrameTable, Tools, examine, plan_range};
use ves_api::recipe::{Recipe, ResolvedRecipe};

pub(super) use self::tracks::PlannedTrack;
use super::place::Source;
use crate::signals;
use crate::stop::Stop;

/// What would be done.
pub(super) struct Plan {
    pub resolved: ResolvedRecipe,
    pub chunks: Vec<PlannedChunk>,
    pub tracks: Vec<PlannedTrack>,
}

/// A chunk, as it would be encoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct PlannedChunk {
    /// First frame.
    pub start: u64,
    /// One past the last frame.
    pub end: u64,
    /// Frames decoded only to reach the first one; `null` when it was not counted.
    pub preroll_frames: Option<u64>,
}

/// Steps that counting the pre-roll may take: chunks times packets.
const MOST_STEPS: u64 = 200_000_000;

/// Reads a source's index.
pub(super) async fn examined(source: &Source) -> Result<Examined, Stop> {
    let stop = signals::stop();
    let tools = Tools::locate().map_err(ves_media::failure)?;
    tokio::select! {
        examined = examine(&tools, source.file()?) => Ok(examined.map_err(ves_media::failure)?),
        () = stop.cancelled() => Err(Stop::Interrupted),
    }
}

impl Plan {
    /// Resolves `recipe` for a source. The error is the user's or the source's.
    pub(super) fn of(recipe: Recipe, examined: &Examined) -> Result<Self, Error> {
        let table = &examined.table;
        let resolved = ves_media::resolve(recipe, table, BTreeMap::new())?;
        Ok(Self::resolved(resolved, examined))
    }

    /// What a resolved recipe comes to for the source that it was resolved for.
    pub(super) fn resolved(resolved: ResolvedRecipe, examined: &Examined) -> Self {
        Self {
            chunks: chunks(&examined.table, &resolved),
            tracks: tracks::planned_tracks(&resolved.recipe, examined),
            resolved,
        }
    }
}

fn chunks(table: &FrameTable, resolved: &ResolvedRecipe) -> Vec<PlannedChunk> {
    let steps = (resolved.plan.count() as u64).checked_mul(table.packets().len() as u64);
    let counted = steps.is_some_and(|steps| steps <= MOST_STEPS);
    let chunks = resolved.plan.chunks();
    chunks
        .map(|chunk| PlannedChunk {
            start: chunk.start,
            end: chunk.end,
            preroll_frames: counted.then(|| preroll(table, &chunk)).flatten(),
        })
        .collect()
}

fn preroll(table: &FrameTable, chunk: &Range<u64>) -> Option<u64> {
    let plan = plan_range(table, chunk.start, chunk.end);
    plan.ok().map(|plan| plan.preroll())
}
