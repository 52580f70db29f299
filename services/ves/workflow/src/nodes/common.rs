use blob::BlobRef;
use errors::Error;
use plato::TaskContext;
use proto::base::v1::FrameRange;
use proto::stratum::v1::{FrameInput, Input, Invocation, ListInput, Source, input::Content};
use serde::Serialize;
use ves_api::function::Job;

/// Name of the splitter's blob that is the frame table.
pub(crate) const FRAME_TABLE: &str = "frames.table";

/// Name of the splitter's blob that lists where chunks begin, as a JSON array.
pub(crate) const BOUNDARIES: &str = "boundaries.json";

/// What the workflow was started with.
pub(crate) fn job(task: &TaskContext) -> Result<Job, Error> {
    Job::from_json(&task.input().inline)
}

/// An invocation with these parameters.
pub(crate) fn invocation<P: Serialize>(params: &P) -> Result<Invocation, Error> {
    let params_json = serde_json::to_vec(params)
        .map_err(|error| Error::platform("NOT_JSON", error.to_string()))?;
    Ok(Invocation {
        params_json,
        ..Default::default()
    })
}

/// One blob as a file below `input/`.
pub(crate) fn blob_input(name: &str, blob: &BlobRef) -> Input {
    input(name, Content::Blob(Box::new(blob.clone().into())))
}

/// The source as a file below `input/`.
pub(crate) fn source_input(name: &str, source: Source) -> Input {
    input(name, Content::Source(Box::new(source)))
}

/// The decoded frames `[start, end)` of the source, as one stream.
pub(crate) fn frames_input(
    name: &str,
    source: Source,
    frame_table: &BlobRef,
    range: (u64, u64),
    pixel_format: String,
) -> Input {
    let (start, end) = range;
    let frames = FrameInput {
        source: Some(source).into(),
        frame_table: Some(frame_table.clone().into()).into(),
        range: Some(FrameRange {
            start,
            end,
            ..Default::default()
        })
        .into(),
        pixel_format,
        ..Default::default()
    };
    input(name, Content::Frames(Box::new(frames)))
}

/// The blob `blob_name` of each result, as numbered files below the folder `name`.
pub(crate) fn list_input(name: &str, list: &blob::ListRef, blob_name: &str) -> Input {
    let list = ListInput {
        list: Some(list.clone().into()).into(),
        blob_name: blob_name.into(),
        ..Default::default()
    };
    input(name, Content::List(Box::new(list)))
}

fn input(name: &str, content: Content) -> Input {
    Input {
        name: name.into(),
        content: Some(content),
        ..Default::default()
    }
}
