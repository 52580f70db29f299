//! The two passes of x264 over one chunk.

use errors::Error;
use stratum_function::{Progress, WorkDir};
use ves_api::function::{Survey, SurveyParams, survey as run};

/// What the statistics of a first pass begin with, below `output/`; below `input/` for the second.
const STATISTICS: &str = "first";

/// Makes a first pass over `input/source.y4m`.
pub fn survey(
    work: &WorkDir,
    mut params: SurveyParams,
    progress: &mut Progress,
) -> Result<Survey, Error> {
    let crf = f64::from(params.crf) / 1_000.0;
    let statistics = work.output(STATISTICS).display().to_string();
    let pass = [
        "-crf",
        &crf.to_string(),
        "-pass",
        "1",
        "-passlogfile",
        &statistics,
    ];
    params.encoder_args.extend(pass.map(str::to_owned));
    run(work, params, &format!("{STATISTICS}-0.log"), progress)
}

/// What a second pass to so many bits in a second is told, by the statistics in `input/`.
pub(crate) fn second_pass(work: &WorkDir, bitrate: u64) -> [String; 6] {
    let statistics = work.input(STATISTICS).display().to_string();
    let bitrate = bitrate.to_string();
    ["-b:v", &bitrate, "-pass", "2", "-passlogfile", &statistics].map(str::to_owned)
}
