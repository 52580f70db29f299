use errors::Error;
use plato::TaskContext;
use proto::stratum::v1::Invocation;
use ves_api::function::SplitParams;

use super::common::{invocation, job, source_input};

/// Reads the source's index, plans the chunks and writes the resolved recipe down.
pub(crate) fn prepare(task: &TaskContext) -> Result<Invocation, Error> {
    let job = job(task)?;
    let params = SplitParams {
        recipe: job.recipe.into(),
        function_digests: job.function_digests,
    };
    Ok(Invocation {
        inputs: vec![source_input("source", job.source)],
        ..invocation(&params)?
    })
}
