//! One chunk, encoded by SVT-AV1 and looked through.

use errors::Error;
use ves_api::function::{
    EncodeParams, EncodeResult, Progress, TRACK, UNITS, WorkDir, encode as run, for_each_unit,
};

use crate::temporal_unit::TemporalUnit;
use crate::track::Header;

/// Encodes `input/source.y4m`.
pub fn encode(
    work: &WorkDir,
    params: EncodeParams,
    progress: &mut Progress,
) -> Result<EncodeResult, Error> {
    // The encoder's packets are temporal units with their delimiters: a stream as they are.
    let units = run(work, &params, "data", progress)?;
    let mut header = Header::default();
    for_each_unit(work, &units, |listed, bytes| {
        let unit = TemporalUnit::of(bytes)?;
        if unit.key != listed.key || (listed.rank == 0 && !unit.key) {
            let message = format!(
                "frame {} of the chunk is a key frame or is not",
                listed.rank
            );
            return Err(Error::function("KEY_FRAMES", message)
                .hint("the first frame of a chunk must be one, with a sequence header"));
        }
        header.take(&unit)
    })?;
    work.write_json(UNITS, &units)?;
    work.write_json(TRACK, &header.track()?)?;
    Ok(EncodeResult {
        frames: params.frames,
        bytes: units.bytes(),
    })
}
