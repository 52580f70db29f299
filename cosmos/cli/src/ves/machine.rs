//! Whether this machine has the tools for what is asked for.

use errors::Error;
use ves_api::function::{available, encoder_available};
use ves_api::quality::Metric;
use ves_api::recipe::{Coding, codings};
use ves_api::wire;

use super::quality;

/// Refuses what an encode on this machine would stumble over at its first chunk.
pub(super) fn check(recipes: impl IntoIterator<Item = wire::Recipe>) -> Result<(), Error> {
    let recipes: Vec<wire::Recipe> = recipes.into_iter().collect();
    let mut metrics: Vec<Metric> = recipes.iter().filter_map(quality::asked).collect();
    metrics.dedup();
    let mut special: Vec<&Coding> = recipes.iter().filter_map(special).collect();
    special.dedup();
    let metrics = metrics.into_iter().map(available);
    metrics
        .chain(special.into_iter().map(encoder_available))
        .try_for_each(|told| match told {
            Err(error) if error.code.ends_with("_UNAVAILABLE") => Err(error),
            // Without any ffmpeg nothing is encoded; that is told elsewhere.
            _ => Ok(()),
        })
}

/// The coding format, where a machine need not have its encoder.
fn special(recipe: &wire::Recipe) -> Option<&'static Coding> {
    let format = recipe.codec.as_option()?.format;
    let asked = codings().iter().find(|coding| format == coding.format);
    asked.copied().filter(|coding| coding.ffmpeg.is_special())
}
