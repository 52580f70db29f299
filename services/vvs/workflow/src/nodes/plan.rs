use errors::Error;
use plato::TaskContext;
use plato::invoke::blob_input;
use proto::stratum::v1::Invocation;
use vvs_api::expect;
use vvs_api::function::{PlanParams, file};

use super::common::{file_input, invocation, job, named};

/// Compares what the container says, and cuts the video into segments.
pub(crate) fn prepare(task: &TaskContext) -> Result<Invocation, Error> {
    let job = job(task)?;
    let mut inputs = vec![
        file_input(file::VIDEO, named(&job.video, "video")?),
        blob_input(expect::FILE, named(&job.expectations, "expectations")?),
    ];
    let table = job.frame_table.iter();
    inputs.extend(table.map(|table| blob_input(file::FRAME_TABLE, table)));
    invocation(&job, "vvs-plan", &PlanParams::default(), inputs)
}
