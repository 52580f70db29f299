//! One chunk, encoded by libvpx and looked through.

use errors::Error;
use stratum_function::{Progress, WorkDir};
use ves_api::function::{EncodeParams, EncodeResult, TRACK, UNITS, encode as run, for_each_unit};

use crate::passes::second_pass;
use crate::track::Header;

/// Encodes `input/source.y4m`; as a second pass where the parameters say so.
pub fn encode(
    work: &WorkDir,
    mut params: EncodeParams,
    progress: &mut Progress,
) -> Result<EncodeResult, Error> {
    if let Some(bitrate) = params.second_pass {
        params.encoder_args.extend(second_pass(work, bitrate));
    }
    // Frames have no start codes; the list of packets tells where each unit ends.
    let units = run(work, &params, "data", progress)?;
    let mut header = Header::default();
    for_each_unit(work, &units, |unit, bytes| {
        if header.take(bytes)? != unit.key {
            let message = format!("frame {} of the chunk is a key frame or is not", unit.rank);
            return Err(Error::function("KEY_FRAMES", message));
        }
        Ok(())
    })?;
    work.write_json(UNITS, &units)?;
    work.write_json(TRACK, &header.track(&params)?)?;
    Ok(EncodeResult {
        frames: params.frames,
        bytes: units.bytes(),
    })
}
