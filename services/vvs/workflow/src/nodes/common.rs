use errors::Error;
use plato::TaskContext;
use plato::invoke::{blob_input, source_input, with_params};
use proto::stratum::v1::{Input, Invocation};
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
    let digest = job.function_digests.get(function).cloned();
    Ok(Invocation {
        inputs,
        function_digest: digest.unwrap_or_default(),
        ..with_params(params)?
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
        File::Source(source) => source_input(name, source.clone()),
        File::Blob(blob) => blob_input(name, blob),
    }
}
