use errors::Error;
use plato::invoke::frames_input;
use plato::{TaskContext, json};
use proto::stratum::v1::{Input, Source};
use ves_api::function::{ChunkElement, Job, SplitResult};
use ves_api::quality::{Goal, RateFactorRange};

/// Name of the splitter's blob that is the frame table of the encode; of the source, for the splitter
/// itself.
pub(crate) const FRAME_TABLE: &str = "frames.table";

/// Name of the splitter's blob that is the source's frame table, where that is another one.
const SOURCE_TABLE: &str = "source.table";

/// Name of the blob that tells what chunks are decoded from.
pub(crate) const CHUNK_SOURCES: &str = "chunks.json";

/// Name of the splitter's blob that lists where chunks begin, as a JSON array.
pub(crate) const BOUNDARIES: &str = "boundaries.json";

/// What the workflow was started with.
pub(crate) fn job(task: &TaskContext) -> Result<Job, Error> {
    Job::from_json(&task.input().inline)
}

/// What the splitter has put out.
pub(crate) fn split(task: &TaskContext) -> Result<SplitResult, Error> {
    json::parse(task.output("splitter")?)
}

/// The quality that is asked for, and by which rate factors.
pub(crate) fn quality_of(job: &Job, split: &SplitResult) -> Result<(Goal, RateFactorRange), Error> {
    let goal = split.quality.ok_or_else(|| {
        let message = "the recipe asks for no quality";
        Error::platform("MALFORMED_JOB", message)
    })?;
    Ok((goal, RateFactorRange::of(job.recipe.codec.coding)))
}

/// The frames that a chunk is decoded from, as one stream.
pub(crate) fn frames(
    task: &TaskContext,
    source: Source,
    split: &SplitResult,
    chunk: &ChunkElement,
) -> Result<Input, Error> {
    let decoded = chunk.decoded();
    let own = task.blob("splitter", SOURCE_TABLE);
    Ok(frames_input(
        "source.y4m",
        source,
        own.or_else(|_| task.blob("splitter", FRAME_TABLE))?,
        (decoded.start, decoded.end),
        split.pixel_format.clone(),
    ))
}

/// Facts that route a chunk to a shape.
pub(crate) fn attributes(split: &SplitResult) -> [(String, String); 4] {
    [
        ("codec".into(), split.codec.clone()),
        ("width".into(), split.width.to_string()),
        ("height".into(), split.height.to_string()),
        ("bit_depth".into(), split.bit_depth.to_string()),
    ]
}
