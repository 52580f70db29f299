//! What an encode of a source would be: chunk by chunk, and track by track.

mod tracks;

use std::collections::BTreeMap;
use std::ops::Range;

use errors::Error;
use serde::Serialize;
use stratum_frames::{Examined, FrameTable, Tools, examine, plan_range};
use ves_api::recipe::{Recipe, ResolvedRecipe};
use ves_media::Shown;

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
    /// Frames decoded only to reach the first one, or to be looked at; `null` when it was not counted.
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
        Self::resolved(resolved, examined)
    }

    /// What a resolved recipe comes to for the source that it was resolved for.
    pub(super) fn resolved(resolved: ResolvedRecipe, examined: &Examined) -> Result<Self, Error> {
        Ok(Self {
            chunks: chunks(&examined.table, &resolved)?,
            tracks: tracks::planned_tracks(&resolved.recipe, examined),
            resolved,
        })
    }
}

fn chunks(table: &FrameTable, resolved: &ResolvedRecipe) -> Result<Vec<PlannedChunk>, Error> {
    let shown = Shown::of(table, &resolved.recipe)?;
    let steps = (resolved.plan.count() as u64).checked_mul(table.packets().len() as u64);
    let counted = steps.is_some_and(|steps| steps <= MOST_STEPS);
    let chunks = resolved.plan.chunks();
    let chunks = chunks.map(|chunk| PlannedChunk {
        start: chunk.start,
        end: chunk.end,
        preroll_frames: counted.then(|| twice(&shown, &chunk)).flatten(),
    });
    Ok(chunks.collect())
}

/// Frames before those that the chunk shows, and behind them.
fn twice(shown: &Shown<'_>, chunk: &Range<u64>) -> Option<u64> {
    let decoded = shown.decoded(chunk);
    let plan = plan_range(shown.source, decoded.start, decoded.end).ok()?;
    Some(plan.preroll() + shown.looked_at(chunk))
}
