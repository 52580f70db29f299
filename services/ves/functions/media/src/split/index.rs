//! Reads a source's index once for all rungs of a ladder.

use std::collections::BTreeMap;

use errors::Error;
use stratum_frames::FrameTable;
use stratum_function::{Progress, WorkDir};
use ves_api::function::{IndexParams, IndexResult};
use ves_api::recipe::{Problems, Recipe, ResolvedRecipe, of_rung};
use ves_api::wire;

use super::chunks::chunk_sources;
use super::{Shown, put, read, refuse_damage, resolve};
use crate::inputs::{CHUNK_SOURCES, FRAME_TABLE};

/// Indexes `input/source`, and sees what is wrong with any rung before one is encoded.
pub fn index(work: &WorkDir, params: IndexParams, _: &mut Progress) -> Result<IndexResult, Error> {
    let (path, table) = read(work)?;
    let plans = resolved(params.recipes, &table).map_err(Problems::into_error)?;
    put(work, FRAME_TABLE, &table.encode())?;
    let chunks = match plans.first() {
        Some(rung) => {
            let shown = Shown::of(&table, &rung.recipe)?;
            chunk_sources(&path, &shown, &rung.plan)?
        }
        None => Vec::new(),
    };
    let json = serde_json::to_vec(&chunks);
    let json = json.map_err(|e| Error::platform("MALFORMED_LIST", e.to_string()))?;
    put(work, CHUNK_SOURCES, &json)?;
    Ok(IndexResult {
        frames: table.len(),
        chunks: chunks.len() as u64,
    })
}

/// What each rung comes to; every problem of all at once.
pub fn resolved(
    recipes: impl IntoIterator<Item = wire::Recipe>,
    table: &FrameTable,
) -> Result<Vec<ResolvedRecipe>, Problems> {
    let (mut all, mut problems) = (Vec::new(), Vec::new());
    for (index, recipe) in recipes.into_iter().enumerate() {
        match of(recipe, table) {
            Ok(resolved) => all.push(resolved),
            Err(error) => problems.push(of_rung(index, error)),
        }
    }
    match problems.is_empty() {
        true => Ok(all),
        false => Err(Problems(problems)),
    }
}

fn of(recipe: wire::Recipe, table: &FrameTable) -> Result<ResolvedRecipe, Error> {
    let recipe = Recipe::try_from(recipe).map_err(Problems::into_error)?;
    refuse_damage(table, recipe.damage)?;
    resolve(recipe, table, BTreeMap::new())
}
