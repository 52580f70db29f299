use errors::Error;
use plato::invoke::{blob_input, list_input};
use plato::{TaskContext, json};
use proto::stratum::v1::Invocation;
use vvs_api::expect;
use vvs_api::function::{FingerprintResult, VerdictParams, file};

use super::common::{invocation, job, named};

/// Judges by what was measured of all segments.
pub(crate) fn prepare(task: &TaskContext) -> Result<Invocation, Error> {
    let job = job(task)?;
    let reference = task
        .find_output("reference")
        .map(json::parse::<FingerprintResult>);
    let params = VerdictParams {
        source_frames: reference.transpose()?.map(|reference| reference.frames),
    };
    let inputs = vec![
        blob_input(expect::FILE, named(&job.expectations, "expectations")?),
        blob_input(file::PLAN, task.blob("plan", file::PLAN)?),
        list_input(file::PARTS, task.results()?, file::PART),
    ];
    invocation(&job, "vvs-verdict", &params, inputs)
}
