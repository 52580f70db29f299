//! One chunk, encoded by x265 and looked through.

use errors::Error;
use stratum_function::{Progress, WorkDir};
use ves_api::function::{
    EncodeParams, EncodeResult, TRACK, UNITS, annex_b, encode as run, for_each_unit,
};

use crate::nal::Nal;
use crate::passes::add_own;
use crate::track::ParameterSets;

/// Encodes `input/source.y4m`; as a second pass where the parameters say so.
pub fn encode(
    work: &WorkDir,
    mut params: EncodeParams,
    progress: &mut Progress,
) -> Result<EncodeResult, Error> {
    add_own(work, &mut params);
    let units = run(work, &params, "hevc", progress)?;
    let mut sets = ParameterSets::default();
    for_each_unit(work, &units, |unit, bytes| {
        let refreshes = annex_b::units(bytes).any(|nal| Nal(nal).refreshes());
        // A clean random access picture would be a key too, with frames before it that need others.
        if unit.key != refreshes {
            let message = format!("frame {} of the chunk is a refresh or is not", unit.rank);
            return Err(Error::function("NO_IDR", message)
                .hint("every place at which decoding can start must be an instantaneous refresh"));
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
