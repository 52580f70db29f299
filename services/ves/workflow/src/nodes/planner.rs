use blob::ListRef;
use errors::Error;
use plato::invoke::{blob_input, list_input, with_params};
use plato::{TaskContext, json};
use proto::stratum::v1::{Input, Invocation};
use ves_api::function::{COSTS, PlanParams, PlanResult, QUALITY, SURVEY, UNITS};
use ves_api::rate::Corrections;

use super::common::{FRAME_TABLE, job, quality_of, split};

/// Shares the bits out among the chunks, and finds a rate factor by which first passes come near the
/// target.
pub(crate) fn prepare(task: &TaskContext) -> Result<Invocation, Error> {
    let params = PlanParams {
        target_bits: split(task)?.target_bits,
        ..PlanParams::default()
    };
    let surveys = list_input("surveys", task.results()?, SURVEY);
    invocation(&params, vec![surveys])
}

/// Finds chunks that make the whole miss its target.
pub(crate) fn prepare_settlement(task: &TaskContext) -> Result<Invocation, Error> {
    settle(task, Corrections::new())
}

/// The same once more, of what was set right.
pub(crate) fn prepare_last_settlement(task: &TaskContext) -> Result<Invocation, Error> {
    let settled: PlanResult = json::parse(task.output("settler")?)?;
    settle(task, settled.corrections)
}

fn settle(task: &TaskContext, corrected: Corrections) -> Result<Invocation, Error> {
    let params = PlanParams {
        target_bits: split(task)?.target_bits,
        corrected,
        ..PlanParams::default()
    };
    let inputs = vec![surveyed(task)?, list_input("units", task.results()?, UNITS)];
    invocation(&params, inputs)
}

/// Shares a decoder's buffer out as well, by what each frame costs.
pub(crate) fn prepare_buffered(task: &TaskContext) -> Result<Invocation, Error> {
    let inputs = vec![
        list_input("surveys", task.results()?, SURVEY),
        list_input("costs", task.results()?, COSTS),
    ];
    buffered(task, &buffer_params(task)?, inputs)
}

/// Finds chunks that make the whole miss its target, and those whose access units come late.
pub(crate) fn prepare_buffered_settlement(task: &TaskContext) -> Result<Invocation, Error> {
    settle_buffered(task, Some("planner"), vec![surveyed(task)?])
}

/// The same once more.
pub(crate) fn prepare_last_buffered_settlement(task: &TaskContext) -> Result<Invocation, Error> {
    settle_buffered(task, Some("settler"), vec![surveyed(task)?])
}

/// Finds chunks whose access units come late.
pub(crate) fn prepare_delays(task: &TaskContext) -> Result<Invocation, Error> {
    settle_buffered(task, None, vec![])
}

/// The same once more.
pub(crate) fn prepare_last_delays(task: &TaskContext) -> Result<Invocation, Error> {
    settle_buffered(task, Some("settler"), vec![])
}

/// Pools how near chunks came to the quality that is asked for, and finds those by which the whole comes
/// nearer.
pub(crate) fn prepare_quality(task: &TaskContext) -> Result<Invocation, Error> {
    let params = PlanParams {
        quality: Some(quality_of(&job(task)?, &split(task)?)?),
        ..PlanParams::default()
    };
    invocation(
        &params,
        vec![list_input("quality", task.results()?, QUALITY)],
    )
}

fn surveys(task: &TaskContext) -> Result<&ListRef, Error> {
    let surveys = task.output("analysis")?.list.as_ref();
    surveys.ok_or_else(|| {
        let message = "the analysis has put out no list";
        Error::platform("NO_SURVEYS", message)
    })
}

fn surveyed(task: &TaskContext) -> Result<Input, Error> {
    Ok(list_input("surveys", surveys(task)?, SURVEY))
}

/// What the first settler has planned is settled for the last time.
fn settle_buffered(
    task: &TaskContext,
    planned_by: Option<&str>,
    mut inputs: Vec<Input>,
) -> Result<Invocation, Error> {
    inputs.push(list_input("units", task.results()?, UNITS));
    let planned = planned_by.map(|node| json::parse::<PlanResult>(task.output(node)?));
    let params = PlanParams {
        last: planned_by == Some("settler"),
        shares: planned.transpose()?.and_then(|plan| plan.shares),
        ..buffer_params(task)?
    };
    buffered(task, &params, inputs)
}

fn buffer_params(task: &TaskContext) -> Result<PlanParams, Error> {
    let split = split(task)?;
    Ok(PlanParams {
        target_bits: split.target_bits,
        buffer: split.buffer,
        timed: !job(task)?.recipe.container.is_bare(),
        ..PlanParams::default()
    })
}

fn buffered(
    task: &TaskContext,
    params: &PlanParams,
    mut inputs: Vec<Input>,
) -> Result<Invocation, Error> {
    inputs.push(blob_input(FRAME_TABLE, task.blob("splitter", FRAME_TABLE)?));
    invocation(params, inputs)
}

fn invocation(params: &PlanParams, inputs: Vec<Input>) -> Result<Invocation, Error> {
    Ok(Invocation {
        inputs,
        ..with_params(params)?
    })
}
