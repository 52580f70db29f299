//! The two passes of libvpx over one chunk. Its first one tells nothing of bits, so that a quick encode
//! tells them.

use errors::Error;
use stratum_function::{Progress, WorkDir};
use ves_api::function::{Survey, SurveyParams, Unit, found, look, pass};
use ves_api::rate::Cost;

/// What the statistics of a first pass begin with, below `output/`; below `input/` for the second.
const STATISTICS: &str = "first";
/// The quickest that goes with good quality.
const QUICKEST: &str = "5";
/// Any: a first pass is the same for all.
const SOME_BITS: &str = "1M";

/// Encodes `input/source.y4m` quickly, for its bits, and makes a first pass over it.
pub fn survey(
    work: &WorkDir,
    params: SurveyParams,
    progress: &mut Progress,
) -> Result<Survey, Error> {
    let crf = params.crf.div_ceil(1_000).to_string();
    let mut encode = params.pass();
    let args = encode.encoder_args.clone();
    let quick = ["-cpu-used", QUICKEST, "-crf", &crf, "-b:v", "0"];
    encode.encoder_args.extend(quick.map(str::to_owned));
    let units = pass(work, &encode, progress)?;
    encode.encoder_args = args;
    let statistics = work.output(STATISTICS).display().to_string();
    let first = ["-b:v", SOME_BITS, "-pass", "1", "-passlogfile", &statistics];
    encode.encoder_args.extend(first.map(str::to_owned));
    look(work, &encode)?;
    found(work, params, units.units.iter().map(cost).collect())
}

/// What shrinks with the quantiser and what does not is not told apart.
fn cost(unit: &Unit) -> Cost {
    Cost {
        texture: unit.size * 8,
        ..Cost::default()
    }
}

/// What a second pass to so many bits in a second is told, by the statistics in `input/`. It is to come
/// as near as it can.
pub(crate) fn second_pass(work: &WorkDir, bitrate: u64) -> Vec<String> {
    let statistics = work.input(STATISTICS).display().to_string();
    let bitrate = bitrate.to_string();
    let near = ["-undershoot-pct", "0", "-overshoot-pct", "0"];
    let pass = ["-b:v", &bitrate, "-pass", "2", "-passlogfile", &statistics];
    near.into_iter().chain(pass).map(str::to_owned).collect()
}
