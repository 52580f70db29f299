//! From what the workflow ended with to what the caller gets.

use blob::{BlobError, BlobRef, Blobs, Value};
use errors::Error;
use optimus::{Ended, Stage};
use sources::Place;

use crate::output::{self, Publication};
use crate::summary::{Quality, RECIPE, Summary, VIDEO};
use crate::validate::Target;
use crate::wire;

/// The longest resolved recipe, in bytes: 100,000 boundaries and room to spare.
const MAX_RECIPE_BYTES: u64 = 8 << 20;
/// The node whose tasks are the chunks.
const ENCODER: &str = "encoder";
/// Nodes that encode, if only to look at what chunks cost.
const ENCODING: [&str; 5] = ["survey", "analysis", ENCODER, "repair", "repair-2"];

/// The encoded video as the caller sees it, before it is published anywhere.
pub(super) async fn hydrate(
    blobs: &Blobs,
    ended: &Ended<'_, wire::EncodeRequest>,
) -> Result<wire::OutputVideo, Error> {
    let summary: Summary = serde_json::from_slice(&ended.output.inline)
        .map_err(|error| unreadable("summary", error))?;
    let video = blob(&ended.output, VIDEO)?;
    let mut recipe = recipe(blobs, blob(&ended.output, RECIPE)?).await?;
    if ended.request.video_source.frame_table.is_set() {
        // Of a rung: too long for an answer to the ladder's workflow.
        recipe.boundaries = Vec::new();
    }
    Ok(wire::OutputVideo {
        frames: summary.frames,
        size_bytes: video.size,
        blob: Some(video.clone().into()).into(),
        format: recipe.format.clone(),
        warnings: summary.warnings.clone(),
        quality: summary.quality.map(wire::MeasuredQuality::from).into(),
        validation: Some(report(summary)).into(),
        resolved_recipe: Some(recipe).into(),
        ..of_chunks(&ended.stages)
    })
}

impl From<Quality> for wire::MeasuredQuality {
    fn from(quality: Quality) -> Self {
        Self {
            metric: wire::QualityMetric::from(quality.goal.metric).into(),
            score: quality.score.value(),
            lowest_chunk_score: quality.lowest_chunk.value(),
            ..Default::default()
        }
    }
}

/// What the workflow of a ladder ended with is the response itself.
pub(super) fn of_ladder(output: &Value) -> Result<wire::EncodeResponse, Error> {
    serde_json::from_slice(&output.inline).map_err(|error| unreadable("answer", error))
}

fn of_chunks(stages: &[Stage]) -> wire::OutputVideo {
    let encoding = || {
        stages
            .iter()
            .filter(|stage| ENCODING.contains(&stage.name.as_str()))
    };
    let chunks = encoding().filter(|stage| stage.name == ENCODER);
    wire::OutputVideo {
        chunks_encoded: chunks
            .clone()
            .map(|stage| stage.done.saturating_sub(stage.reused))
            .sum(),
        chunks_reused: chunks.map(|stage| stage.reused).sum(),
        retries: encoding().map(|stage| stage.retries).sum(),
        encode_cpu_ms: encoding().map(|stage| stage.cpu_ms).sum(),
        decode_cpu_ms: encoding().map(|stage| stage.decode_cpu_ms).sum(),
        ..Default::default()
    }
}

/// A discrepancy fails the request, so a video that got here has none.
fn report(summary: Summary) -> wire::ValidationReport {
    wire::ValidationReport {
        checks: summary.checks,
        ..Default::default()
    }
}

fn blob<'a>(output: &'a Value, name: &str) -> Result<&'a BlobRef, Error> {
    output.blob(name).ok_or_else(|| {
        Error::platform(
            "OUTPUT_INCOMPLETE",
            format!("the workflow ended without its {name}"),
        )
    })
}

async fn recipe(blobs: &Blobs, blob: &BlobRef) -> Result<wire::ResolvedRecipe, Error> {
    let bytes = blobs.get(blob, MAX_RECIPE_BYTES).await.map_err(lost)?;
    serde_json::from_slice(&bytes).map_err(|error| unreadable("resolved recipe", error))
}

/// Brings the video to its target; the answer is where it is.
pub(super) async fn publish(
    blobs: &Blobs,
    id: &str,
    output: &Value,
    target: Target,
    source: Place,
) -> Result<String, Error> {
    let video = blob(output, VIDEO)?;
    let store = blobs.store(&video.store).map_err(lost)?;
    let staging = store
        .staging(&format!("{id}-publish"))
        .await
        .map_err(lost)?;
    let published = match store.local_path(video, &staging).await {
        Ok(file) => copy(file, video, id, target, source).await,
        Err(error) => Err(lost(error)),
    };
    if let Err(error) = store.discard(&staging).await {
        tracing::warn!(request = id, %error, "a staging folder is left behind");
    }
    published
}

async fn copy(
    file: std::path::PathBuf,
    video: &BlobRef,
    id: &str,
    target: Target,
    source: Place,
) -> Result<String, Error> {
    let uri = target.place.uri();
    let (blob, id) = (video.clone(), id.to_owned());
    let copy = move || {
        let source = source.file().and_then(|place| files::identify(place).ok());
        output::publish(&Publication {
            file,
            blob,
            target,
            source,
            id,
        })
    };
    match tokio::task::spawn_blocking(copy).await {
        Ok(copied) => copied.map(|()| uri),
        Err(stopped) => Err(interrupted(&stopped)),
    }
}

pub(super) fn interrupted(stopped: &tokio::task::JoinError) -> Error {
    Error::platform(
        "INTERRUPTED",
        format!("the work on files was interrupted: {stopped}"),
    )
}

fn lost(error: BlobError) -> Error {
    Error::platform("BLOB_UNREADABLE", error.to_string())
}

fn unreadable(what: &str, problem: serde_json::Error) -> Error {
    Error::platform(
        "OUTPUT_UNREADABLE",
        format!("the workflow's {what} cannot be read: {problem}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(name: &str, done: u64, reused: u64) -> Stage {
        Stage {
            name: name.into(),
            state: optimus::StageState::Succeeded,
            total: done,
            done,
            running: 0,
            reused,
            retries: 1,
            cpu_ms: 10,
            decode_cpu_ms: 3,
            in_flight: 0.0,
            output_bytes: 0,
        }
    }

    #[test]
    fn chunks_are_those_of_the_encoder_and_work_is_that_of_every_pass() {
        let stages = [
            "splitter",
            "survey",
            "analysis",
            "encoder",
            "repair",
            "assembler",
        ];
        let output = of_chunks(&stages.map(|name| stage(name, 8, 2)));
        assert_eq!((output.chunks_encoded, output.chunks_reused), (6, 2));
        let work = (output.retries, output.encode_cpu_ms, output.decode_cpu_ms);
        assert_eq!(work, (4, 40, 12));
        assert_eq!(of_chunks(&[]), wire::OutputVideo::default());
    }
}
