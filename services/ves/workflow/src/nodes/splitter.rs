use errors::Error;
use plato::TaskContext;
use plato::invoke::{source_input, with_params};
use proto::stratum::v1::Invocation;
use ves_api::function::SplitParams;

use super::common::job;

/// Reads the source's index, plans the chunks and writes the resolved recipe down.
pub(crate) fn prepare(task: &TaskContext) -> Result<Invocation, Error> {
    let job = job(task)?;
    let params = SplitParams {
        recipe: job.recipe.into(),
        function_digests: job.function_digests,
    };
    Ok(Invocation {
        inputs: vec![source_input("source", job.source)],
        ..with_params(&params)?
    })
}
