use errors::Error;
use plato::TaskContext;
use plato::invoke::{blob_input, source_input, with_params};
use proto::stratum::v1::Invocation;
use ves_api::function::SplitParams;

use super::common::{CHUNK_SOURCES, FRAME_TABLE, job};

/// Reads the source's index, plans the chunks and writes the resolved recipe down.
pub(crate) fn prepare(task: &TaskContext) -> Result<Invocation, Error> {
    let job = job(task)?;
    let params = SplitParams {
        recipe: job.recipe.into(),
        function_digests: job.function_digests,
    };
    let table = job.frame_table.iter();
    let table = table.map(|table| blob_input(FRAME_TABLE, table));
    let chunks = job.chunk_sources.iter();
    let chunks = chunks.map(|chunks| blob_input(CHUNK_SOURCES, chunks));
    let source = source_input("source", job.source);
    Ok(Invocation {
        inputs: [source].into_iter().chain(table).chain(chunks).collect(),
        ..with_params(&params)?
    })
}
