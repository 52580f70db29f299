use errors::Error;
use plato::TaskContext;
use proto::stratum::v1::Invocation;
use vvs_api::function::{FingerprintParams, file};

use super::common::{file_input, invocation, job, named};

/// Fingerprints every frame of the source. Nothing but the source, what becomes of its frames and the
/// part of them that encodes show goes into it, so that it is done once for all of them.
pub(crate) fn prepare(task: &TaskContext) -> Result<Invocation, Error> {
    let job = job(task)?;
    let inputs = vec![file_input(file::SOURCE, named(&job.source, "source")?)];
    let params = FingerprintParams {
        region: job.source_region,
        conversion: job.source_conversion,
    };
    Ok(Invocation {
        memo: true,
        ..invocation(&job, "vvs-fingerprint", &params, inputs)?
    })
}
