use errors::Error;
use plato::{TaskContext, json};
use proto::stratum::v1::Invocation;
use ves_api::function::{ChunkElement, EncodeParams, SplitResult, encoder_function};

use super::common::{FRAME_TABLE, frames_input, invocation, job};

/// Encodes one chunk. Its parameters hold nothing but what can change a byte of it, so
/// that an equal chunk, of whichever request, is encoded once.
pub(crate) fn prepare(task: &TaskContext) -> Result<Invocation, Error> {
    let job = job(task)?;
    let plan: SplitResult = json::parse(task.output("splitter")?)?;
    let chunk: ChunkElement = json::parse(&task.element()?.value)?;
    let function = encoder_function(job.recipe.codec.name());
    let digest = job.function_digests.get(&function).cloned();
    let frames = frames_input(
        "source.y4m",
        job.source,
        task.blob("splitter", FRAME_TABLE)?,
        (chunk.start, chunk.end),
        plan.pixel_format.clone(),
    );
    Ok(Invocation {
        inputs: vec![frames],
        function_digest: digest.unwrap_or_default(),
        attributes: attributes(&plan).into_iter().collect(),
        memo: true,
        expected_ms: chunk.expected_ms,
        ..invocation(&params(plan, chunk))?
    })
}

fn params(plan: SplitResult, chunk: ChunkElement) -> EncodeParams {
    EncodeParams {
        frames: chunk.end - chunk.start,
        frame_rate: plan.frame_rate,
        encoder_args: plan.encoder_args,
        filter_graph: plan.filter_graph,
        packets_digest: chunk.packets_digest,
    }
}

/// Facts that route the chunk to a shape.
fn attributes(plan: &SplitResult) -> [(String, String); 4] {
    [
        ("codec".into(), plan.codec.clone()),
        ("width".into(), plan.width.to_string()),
        ("height".into(), plan.height.to_string()),
        ("bit_depth".into(), plan.bit_depth.to_string()),
    ]
}
