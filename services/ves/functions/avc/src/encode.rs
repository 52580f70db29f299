//! One chunk, encoded by x264 and looked through.

use errors::Error;
use ves_api::function::{
    EncodeParams, EncodeResult, Progress, TRACK, UNITS, WorkDir, annex_b, encode as run,
    for_each_unit,
};

use crate::nal::Nal;
use crate::track::ParameterSets;

/// Encodes `input/source.y4m`.
pub fn encode(
    work: &WorkDir,
    params: EncodeParams,
    progress: &mut Progress,
) -> Result<EncodeResult, Error> {
    let units = run(work, &params, "h264", progress)?;
    let mut sets = ParameterSets::default();
    for_each_unit(work, &units, |unit, bytes| {
        let refreshes = annex_b::units(bytes).any(|nal| Nal(nal).kind() == Nal::IDR);
        if unit.rank == 0 && !refreshes {
            let message = "the first frame of the chunk is no instantaneous refresh";
            return Err(Error::function("NO_IDR", message));
        }
        sets.take(bytes)
    })?;
    work.write_json(UNITS, &units)?;
    work.write_json(TRACK, &sets.track()?)?;
    Ok(EncodeResult {
        frames: params.frames,
        bytes: units.bytes(),
    })
}
