use blob::{BlobRef, ListRef};
use errors::Error;
use plato::TaskContext;
use proto::stratum::v1::{Input, Invocation, ListInput, input::Content};
use serde::Serialize;
use vvs_api::function::{File, Job};

/// What the workflow was started with.
pub(crate) fn job(task: &TaskContext) -> Result<Job, Error> {
    Job::from_json(&task.input().inline)
}

/// An invocation of a function with these parameters and inputs, pinned as the job says.
pub(crate) fn invocation<P: Serialize>(
    job: &Job,
    function: &str,
    params: &P,
    inputs: Vec<Input>,
) -> Result<Invocation, Error> {
    let params_json = serde_json::to_vec(params)
        .map_err(|error| Error::platform("NOT_JSON", error.to_string()))?;
    let digest = job.function_digests.get(function).cloned();
    Ok(Invocation {
        params_json,
        inputs,
        function_digest: digest.unwrap_or_default(),
        ..Default::default()
    })
}

/// A file that the job must name.
pub(crate) fn named<'a, T>(file: &'a Option<T>, what: &str) -> Result<&'a T, Error> {
    file.as_ref().ok_or_else(|| {
        let message = format!("the job names no {what}");
        Error::platform("MALFORMED_JOB", message)
    })
}

/// A file as one below `input/`.
pub(crate) fn file_input(name: &str, file: &File) -> Input {
    match file {
        File::Source(source) => input(name, Content::Source(Box::new(source.clone()))),
        File::Blob(blob) => blob_input(name, blob),
    }
}

/// One blob as a file below `input/`.
pub(crate) fn blob_input(name: &str, blob: &BlobRef) -> Input {
    input(name, Content::Blob(Box::new(blob.clone().into())))
}

/// The blob `blob_name` of each result, as numbered files below the folder `name`.
pub(crate) fn list_input(name: &str, list: &ListRef, blob_name: &str) -> Input {
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
