use errors::Error;
use plato::TaskContext;
use proto::stratum::v1::Invocation;
use ves_api::function::{AssembleParams, STREAM, TRACK, UNITS};
use ves_api::recipe::OtherTracks;
use ves_api::summary::RECIPE;

use super::common::{FRAME_TABLE, blob_input, invocation, job, list_input, source_input};

/// Stitches the chunks, without encoding again, and adds the other tracks.
pub(crate) fn prepare(task: &TaskContext) -> Result<Invocation, Error> {
    let job = job(task)?;
    let params = AssembleParams {
        copy_other_tracks: job.recipe.other_tracks == OtherTracks::Copy,
    };
    let chunks = task.results()?;
    let inputs = vec![
        list_input("chunks", chunks, STREAM),
        list_input("units", chunks, UNITS),
        list_input("tracks", chunks, TRACK),
        blob_input(FRAME_TABLE, task.blob("splitter", FRAME_TABLE)?),
        blob_input(RECIPE, task.blob("splitter", RECIPE)?),
        source_input("source", job.source),
    ];
    Ok(Invocation {
        inputs,
        ..invocation(&params)?
    })
}
