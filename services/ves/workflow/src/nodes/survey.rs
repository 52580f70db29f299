use errors::Error;
use plato::invoke::with_params;
use plato::{TaskContext, json};
use proto::stratum::v1::Invocation;
use ves_api::function::{ChunkElement, PlanResult, SplitResult, SurveyParams, survey_function};

use super::common::{attributes, frames, job};

/// Makes a first pass over one chunk, at the usual rate factor.
pub(crate) fn prepare(task: &TaskContext) -> Result<Invocation, Error> {
    let usual = job(task)?.recipe.codec.coding.rate_factors.usual;
    at(task, usual)
}

/// Makes a first pass over one chunk, at a rate factor that comes near the target. Where that is the
/// first one, it has been made.
pub(crate) fn prepare_again(task: &TaskContext) -> Result<Invocation, Error> {
    let aim: PlanResult = json::parse(task.output("aim")?)?;
    at(task, aim.crf)
}

fn at(task: &TaskContext, crf: u32) -> Result<Invocation, Error> {
    let job = job(task)?;
    let split: SplitResult = json::parse(task.output("splitter")?)?;
    let chunk: ChunkElement = json::parse(&task.element()?.value)?;
    let function = survey_function(job.recipe.codec.name());
    let digest = job.function_digests.get(&function).cloned();
    let frames = frames(task, job.source, &split, &chunk)?;
    let (expected_ms, attributes) = (chunk.expected_ms / FASTER, attributes(&split));
    let own = chunk.filter_graph.clone();
    let params = SurveyParams {
        chunk,
        frame_rate: split.frame_rate,
        input_frame_rate: split.input_frame_rate,
        encoder_args: split.encoder_args,
        filter_graph: own.unwrap_or(split.filter_graph),
        crf,
    };
    Ok(Invocation {
        inputs: vec![frames],
        function_digest: digest.unwrap_or_default(),
        attributes: attributes.into_iter().collect(),
        memo: true,
        expected_ms,
        ..with_params(&params)?
    })
}

/// How much faster than an encode a first pass is.
const FASTER: u64 = 3;
