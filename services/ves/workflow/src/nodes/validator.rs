use errors::Error;
use plato::{TaskContext, json};
use proto::stratum::v1::Invocation;
use ves_api::function::{AssembleResult, ValidateParams};
use ves_api::summary::{RECIPE, VIDEO};

use super::common::{FRAME_TABLE, blob_input, invocation};

/// Checks the assembled file against the frame table and the recipe.
pub(crate) fn prepare(task: &TaskContext) -> Result<Invocation, Error> {
    let assembled: AssembleResult = json::parse(task.output("assembler")?)?;
    let params = ValidateParams {
        other_tracks: assembled.other_tracks,
    };
    let inputs = vec![
        blob_input(VIDEO, task.blob("assembler", VIDEO)?),
        blob_input(FRAME_TABLE, task.blob("splitter", FRAME_TABLE)?),
        blob_input(RECIPE, task.blob("splitter", RECIPE)?),
    ];
    Ok(Invocation {
        inputs,
        ..invocation(&params)?
    })
}
