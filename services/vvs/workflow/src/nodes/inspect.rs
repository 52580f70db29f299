use errors::Error;
use plato::invoke::blob_input;
use plato::{TaskContext, json};
use proto::stratum::v1::Invocation;
use vvs_api::function::{InspectParams, PlanResult, file};

use super::common::{file_input, invocation, job, named};

/// Decodes one segment and measures its frames.
pub(crate) fn prepare(task: &TaskContext) -> Result<Invocation, Error> {
    let job = job(task)?;
    let plan: PlanResult = json::parse(task.output("plan")?)?;
    let params = InspectParams {
        segment: json::parse(&task.element()?.value)?,
        track: plan.track,
        pixel_format: plan.pixel_format,
        full_range: plan.full_range,
        spare: plan.spare,
        region: job.video_region,
    };
    let mut inputs = vec![
        file_input(file::VIDEO, named(&job.video, "video")?),
        blob_input(file::TIMES, task.blob("plan", file::TIMES)?),
    ];
    if job.reference {
        inputs.push(blob_input(
            file::PRINTS,
            task.blob("reference", file::PRINTS)?,
        ));
    }
    invocation(&job, "vvs-inspect", &params, inputs)
}
