use errors::Error;
use plato::invoke::{blob_input, with_params};
use plato::{TaskContext, json};
use proto::stratum::v1::{Input, Invocation};
use ves_api::function::{
    ChunkElement, EncodeParams, PlanResult, SURVEY, SplitResult, Survey, encoder_function,
};
use ves_api::rate::Cost;

use super::common::{attributes, frames, job};

/// Encodes one chunk. Its parameters hold nothing but what can change a byte of it, so
/// that an equal chunk, of whichever request, is encoded once.
pub(crate) fn prepare(task: &TaskContext) -> Result<Invocation, Error> {
    encode(task, json::parse(&task.element()?.value)?, None, vec![])
}

/// Makes a second pass over one chunk, to its part of the whole's bits.
pub(crate) fn prepare_planned(task: &TaskContext) -> Result<Invocation, Error> {
    second_pass(task, &json::parse(task.output("planner")?)?)
}

/// The same with another budget, where a chunk has missed its own. Of the others, the second pass has
/// been made.
pub(crate) fn prepare_settled(task: &TaskContext) -> Result<Invocation, Error> {
    second_pass(task, &json::parse(task.output("settler")?)?)
}

fn second_pass(task: &TaskContext, plan: &PlanResult) -> Result<Invocation, Error> {
    let element = task.element()?;
    let Survey { chunk, cost, .. } = json::parse(&element.value)?;
    let corrected = plan.corrections.get(&element.index).copied();
    let budget = corrected.unwrap_or_else(|| cost.bits(plan.scale));
    // All but what it tells us is for the encoder.
    let statistics = element.value.blobs.iter();
    let statistics = statistics
        .filter(|named| named.name != SURVEY)
        .map(|named| blob_input(&named.name, &named.blob));
    let statistics = statistics.collect();
    encode(task, chunk, Some((budget, cost)), statistics)
}

fn encode(
    task: &TaskContext,
    chunk: ChunkElement,
    budget: Option<(u64, Cost)>,
    statistics: Vec<Input>,
) -> Result<Invocation, Error> {
    let job = job(task)?;
    let split: SplitResult = json::parse(task.output("splitter")?)?;
    let function = encoder_function(job.recipe.codec.name());
    let digest = job.function_digests.get(&function).cloned();
    let frames = frames(task, job.source, &split, &chunk)?;
    let inputs = std::iter::once(frames).chain(statistics).collect();
    let (expected_ms, attributes) = (chunk.expected_ms, attributes(&split));
    let frames_of_chunk = chunk.end - chunk.start;
    let bitrate = budget.map(|(bits, cost)| split.bitrate(bits, cost, frames_of_chunk));
    let bitrate = bitrate.transpose()?;
    Ok(Invocation {
        inputs,
        function_digest: digest.unwrap_or_default(),
        attributes: attributes.into_iter().collect(),
        memo: true,
        expected_ms,
        ..with_params(&params(split, chunk, bitrate))?
    })
}

fn params(split: SplitResult, chunk: ChunkElement, second_pass: Option<u64>) -> EncodeParams {
    EncodeParams {
        frames: chunk.end - chunk.start,
        frame_rate: split.frame_rate,
        encoder_args: split.encoder_args,
        filter_graph: split.filter_graph,
        packets_digest: chunk.packets_digest,
        second_pass,
    }
}
