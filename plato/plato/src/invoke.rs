//! What a function is invoked with: its parameters, and its inputs by name.

use blob::{BlobRef, ListRef};
use errors::Error;
use proto::base::v1::FrameRange;
use proto::stratum::v1::{FrameInput, Input, Invocation, ListInput, Source, input::Content};
use serde::Serialize;

/// An invocation with these parameters.
///
/// # Errors
/// When they cannot be written as JSON.
pub fn with_params<P: Serialize>(params: &P) -> Result<Invocation, Error> {
    let params_json = serde_json::to_vec(params)
        .map_err(|error| Error::platform("NOT_JSON", error.to_string()))?;
    Ok(Invocation {
        params_json,
        ..Default::default()
    })
}

/// One blob as a file below `input/`.
pub fn blob_input(name: &str, blob: &BlobRef) -> Input {
    input(name, Content::Blob(Box::new(blob.clone().into())))
}

/// A source as a file below `input/`.
pub fn source_input(name: &str, source: Source) -> Input {
    input(name, Content::Source(Box::new(source)))
}

/// The blob `blob_name` of each result, as numbered files below the folder `name`.
pub fn list_input(name: &str, list: &ListRef, blob_name: &str) -> Input {
    let list = ListInput {
        list: Some(list.clone().into()).into(),
        blob_name: blob_name.into(),
        ..Default::default()
    };
    input(name, Content::List(Box::new(list)))
}

/// The decoded frames `[start, end)` of a source, as one stream.
pub fn frames_input(
    name: &str,
    source: Source,
    frame_table: &BlobRef,
    range: (u64, u64),
    pixel_format: String,
) -> Input {
    let (start, end) = range;
    let range = FrameRange {
        start,
        end,
        ..Default::default()
    };
    let frames = FrameInput {
        source: Some(source).into(),
        frame_table: Some(frame_table.clone().into()).into(),
        range: Some(range).into(),
        pixel_format,
        ..Default::default()
    };
    input(name, Content::Frames(Box::new(frames)))
}

fn input(name: &str, content: Content) -> Input {
    Input {
        name: name.into(),
        content: Some(content),
        ..Default::default()
    }
}
