use errors::Error;
use plato::invoke::{blob_input, with_params};
use plato::{TaskContext, json};
use proto::stratum::v1::{Input, Invocation};
use ves_api::function::{
    COSTS, ChunkBuffer, ChunkElement, EncodeParams, PlanResult, QualityParams, SURVEY, SplitResult,
    Survey, encoder_function, quality_function,
};
use ves_api::quality::{Goal, Measured, Try, changes};
use ves_api::rate::{Cost, Share};

use super::common::{attributes, frames, job, quality_of, split};

/// How a chunk is encoded, beside what is the same for all.
#[derive(Default)]
struct Pass {
    /// Bits, for a second pass, and what the first one found.
    budget: Option<(u64, Cost)>,
    /// Of a decoder's buffer, where there is one.
    share: Option<Share>,
    /// What the first pass has left.
    statistics: Vec<Input>,
}

/// Encodes one chunk. Its parameters hold nothing but what can change a byte of it, so
/// that an equal chunk, of whichever request, is encoded once.
pub(crate) fn prepare(task: &TaskContext) -> Result<Invocation, Error> {
    let chunk = json::parse(&task.element()?.value)?;
    encode(task, chunk, Pass::default())
}

/// Encodes a chunk for a decoder's buffer of which nothing is known yet.
pub(crate) fn prepare_capped(task: &TaskContext) -> Result<Invocation, Error> {
    capped(task, Share::UNKNOWN)
}

/// The same for what is in the buffer, where access units came late. Of the others, it has been made.
pub(crate) fn prepare_capped_by(
    node: &'static str,
) -> impl Fn(&TaskContext) -> Result<Invocation, Error> {
    move |task| capped(task, share(task, &plan(task, node)?)?)
}

fn capped(task: &TaskContext, share: Share) -> Result<Invocation, Error> {
    let chunk = json::parse(&task.element()?.value)?;
    let pass = Pass {
        share: Some(share),
        ..Pass::default()
    };
    encode(task, chunk, pass)
}

/// Makes a second pass over one chunk, to its part of the whole's bits.
pub(crate) fn prepare_planned(task: &TaskContext) -> Result<Invocation, Error> {
    second_pass(task, &plan(task, "planner")?)
}

/// The same with another budget, where a chunk has missed its own. Of the others, the second pass has
/// been made.
pub(crate) fn prepare_settled_by(
    node: &'static str,
) -> impl Fn(&TaskContext) -> Result<Invocation, Error> {
    move |task| second_pass(task, &plan(task, node)?)
}

fn second_pass(task: &TaskContext, plan: &PlanResult) -> Result<Invocation, Error> {
    let element = task.element()?;
    let Survey { chunk, cost, .. } = json::parse(&element.value)?;
    let corrected = plan.corrections.get(&element.index).copied();
    let budget = corrected.unwrap_or_else(|| cost.bits(plan.scale));
    let pass = Pass {
        budget: Some((budget, cost)),
        share: None,
        statistics: statistics(task)?,
    };
    encode(task, chunk, pass)
}

/// Makes a second pass over one chunk, to its part of the whole's bits and of a decoder's buffer, as
/// that node has planned. What the node before it has planned alike has been made.
pub(crate) fn prepare_shared_by(
    node: &'static str,
) -> impl Fn(&TaskContext) -> Result<Invocation, Error> {
    move |task| {
        let Survey { chunk, cost, .. } = json::parse(&task.element()?.value)?;
        let share = share(task, &plan(task, node)?)?;
        let pass = Pass {
            budget: Some((cost.bits(share.scale), cost)),
            share: Some(share),
            statistics: statistics(task)?,
        };
        encode(task, chunk, pass)
    }
}

/// Encodes one chunk to a quality.
pub(crate) fn prepare_quality(task: &TaskContext) -> Result<Invocation, Error> {
    let goal = quality_of(&job(task)?, &split(task)?)?.0;
    let chunk = json::parse(&task.element()?.value)?;
    to_quality(task, chunk, goal, vec![])
}

/// The same to the level by which the whole comes nearer, as that node has planned, from what was tried
/// before. Of chunks that are there, it has been made.
pub(crate) fn prepare_quality_by(
    node: &'static str,
) -> impl Fn(&TaskContext) -> Result<Invocation, Error> {
    move |task| {
        let (goal, range) = quality_of(&job(task)?, &split(task)?)?;
        let measured: Measured = json::parse(&task.element()?.value)?;
        let level = plan(task, node)?.quality.and_then(|plan| plan.level);
        let changed = level.filter(|level| changes(&range, goal, &measured, *level));
        let (goal, known) = match changed {
            Some(score) => (Goal { score, ..goal }, measured.tried),
            None => (measured.goal, measured.known().to_vec()),
        };
        to_quality(task, measured.chunk, goal, known)
    }
}

fn to_quality(
    task: &TaskContext,
    chunk: ChunkElement,
    goal: Goal,
    known: Vec<Try>,
) -> Result<Invocation, Error> {
    let (job, split) = (job(task)?, split(task)?);
    let (_, range) = quality_of(&job, &split)?;
    let function = quality_function(job.recipe.codec.name());
    let digest = job.function_digests.get(&function).cloned();
    let frames = frames(task, job.source, &split, &chunk)?;
    let (expected_ms, attributes) = (chunk.expected_ms * TRIES, attributes(&split));
    let params = QualityParams {
        encode: params(split, chunk.clone(), None, None),
        goal,
        range,
        known,
        chunk,
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

/// How many encodes a search takes, about.
const TRIES: u64 = 4;

fn plan(task: &TaskContext, node: &str) -> Result<PlanResult, Error> {
    json::parse(task.output(node)?)
}

fn share(task: &TaskContext, plan: &PlanResult) -> Result<Share, Error> {
    let index = usize::try_from(task.element()?.index).ok();
    let shares = plan.shares.as_ref().map_or(&[][..], |shares| &shares.0);
    let share = index.and_then(|index| shares.get(index)).copied();
    share.ok_or_else(|| Error::platform("NO_SHARE", "the plan tells nothing of the chunk"))
}

/// All but what the first pass tells us is for the encoder.
fn statistics(task: &TaskContext) -> Result<Vec<Input>, Error> {
    let blobs = task.element()?.value.blobs.iter();
    let ours = blobs.filter(|named| ![SURVEY, COSTS].contains(&named.name.as_str()));
    Ok(ours
        .map(|named| blob_input(&named.name, &named.blob))
        .collect())
}

fn encode(task: &TaskContext, chunk: ChunkElement, pass: Pass) -> Result<Invocation, Error> {
    let job = job(task)?;
    let split = split(task)?;
    let function = encoder_function(job.recipe.codec.name());
    let digest = job.function_digests.get(&function).cloned();
    let frames = frames(task, job.source, &split, &chunk)?;
    let inputs = std::iter::once(frames).chain(pass.statistics).collect();
    let (expected_ms, attributes) = (chunk.expected_ms, attributes(&split));
    let frames_of_chunk = chunk.end - chunk.start;
    let second_pass = pass
        .budget
        .map(|(bits, cost)| split.bitrate(bits, cost, frames_of_chunk));
    let second_pass = second_pass.transpose()?;
    let buffer = pass.share.and_then(|share| split.buffer(share));
    Ok(Invocation {
        inputs,
        function_digest: digest.unwrap_or_default(),
        attributes: attributes.into_iter().collect(),
        memo: true,
        expected_ms,
        ..with_params(&params(split, chunk, second_pass, buffer))?
    })
}

fn params(
    split: SplitResult,
    chunk: ChunkElement,
    second_pass: Option<u64>,
    buffer: Option<ChunkBuffer>,
) -> EncodeParams {
    EncodeParams {
        frames: chunk.end - chunk.start,
        frame_rate: split.frame_rate,
        input_frame_rate: split.input_frame_rate,
        encoder_args: split.encoder_args,
        filter_graph: chunk.filter_graph.unwrap_or(split.filter_graph),
        packets_digest: chunk.packets_digest,
        second_pass,
        buffer,
        crf: None,
    }
}
