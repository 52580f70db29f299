use errors::Error;
use plato::TaskContext;
use ves_api::function::Job;

/// Name of the splitter's blob that is the frame table.
pub(crate) const FRAME_TABLE: &str = "frames.table";

/// Name of the splitter's blob that lists where chunks begin, as a JSON array.
pub(crate) const BOUNDARIES: &str = "boundaries.json";

/// What the workflow was started with.
pub(crate) fn job(task: &TaskContext) -> Result<Job, Error> {
    Job::from_json(&task.input().inline)
}
