//! From what the workflow ended with to what the caller gets.

use blob::{BlobError, BlobRef, Blobs, FileUri, Value};
use errors::Error;
use optimus::{Ended, Stage};

use crate::files::{self, Publication};
use crate::summary::{RECIPE, Summary, VIDEO};
use crate::validate::{Place, Target};
use crate::wire;

/// The longest resolved recipe, in bytes: 100,000 boundaries and room to spare.
const MAX_RECIPE_BYTES: u64 = 8 << 20;
/// The node whose tasks are the chunks.
const ENCODER: &str = "encoder";

/// The encoded video as the caller sees it, before it is published anywhere.
pub(super) async fn hydrate(
    blobs: &Blobs,
    ended: &Ended<'_, wire::EncodeRequest>,
) -> Result<wire::OutputVideo, Error> {
    let summary: Summary = serde_json::from_slice(&ended.output.inline)
        .map_err(|error| unreadable("summary", error))?;
    let video = blob(&ended.output, VIDEO)?;
    let recipe = recipe(blobs, blob(&ended.output, RECIPE)?).await?;
    let chunks = ended.stages.iter().find(|stage| stage.name == ENCODER);
    Ok(wire::OutputVideo {
        frames: summary.frames,
        size_bytes: video.size,
        blob: Some(video.clone().into()).into(),
        format: recipe.format.clone(),
        warnings: summary.warnings.clone(),
        validation: Some(report(summary)).into(),
        resolved_recipe: Some(recipe).into(),
        ..of_chunks(chunks)
    })
}

fn of_chunks(encoder: Option<&Stage>) -> wire::OutputVideo {
    encoder.map_or_else(wire::OutputVideo::default, |stage| wire::OutputVideo {
        chunks_encoded: stage.done.saturating_sub(stage.reused),
        chunks_reused: stage.reused,
        retries: stage.retries,
        encode_cpu_ms: stage.cpu_ms,
        decode_cpu_ms: stage.decode_cpu_ms,
        ..Default::default()
    })
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
    let uri = FileUri::of(&target.place.path()).map(|uri| uri.to_string());
    let (blob, id) = (video.clone(), id.to_owned());
    let copy = move || {
        let source = files::identify(&source).ok();
        files::publish(&Publication {
            file,
            blob,
            target,
            source,
            id,
        })
    };
    match tokio::task::spawn_blocking(copy).await {
        Ok(copied) => copied.map(|()| uri.unwrap_or_default()),
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
