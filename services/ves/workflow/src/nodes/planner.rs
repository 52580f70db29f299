use errors::Error;
use plato::invoke::{list_input, with_params};
use plato::{TaskContext, json};
use proto::stratum::v1::{Input, Invocation};
use ves_api::function::{PlanParams, SURVEY, SplitResult, UNITS};

/// Shares the bits out among the chunks, and finds a rate factor by which first passes come near the
/// target.
pub(crate) fn prepare(task: &TaskContext) -> Result<Invocation, Error> {
    plan(task, vec![list_input("surveys", task.results()?, SURVEY)])
}

/// Finds chunks that make the whole miss its target.
pub(crate) fn prepare_settlement(task: &TaskContext) -> Result<Invocation, Error> {
    let surveys = task.output("analysis")?.list.as_ref();
    let surveys = surveys.ok_or_else(|| {
        let message = "the analysis has put out no list";
        Error::platform("NO_SURVEYS", message)
    })?;
    let inputs = vec![
        list_input("surveys", surveys, SURVEY),
        list_input("units", task.results()?, UNITS),
    ];
    plan(task, inputs)
}

fn plan(task: &TaskContext, inputs: Vec<Input>) -> Result<Invocation, Error> {
    let split: SplitResult = json::parse(task.output("splitter")?)?;
    let params = PlanParams {
        target_bits: split.target_bits,
    };
    Ok(Invocation {
        inputs,
        ..with_params(&params)?
    })
}
