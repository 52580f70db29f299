//! One chunk, encoded by x264 and looked through.

use errors::Error;
use stratum_function::{Progress, WorkDir};
use ves_api::function::{
    ChunkBuffer, EncodeParams, EncodeResult, TRACK, UNITS, annex_b, encode as run, for_each_unit,
};

use crate::nal::Nal;
use crate::notes;
use crate::survey::second_pass;
use crate::track::ParameterSets;

/// Encodes `input/source.y4m`; as a second pass where the parameters say so.
pub fn encode(
    work: &WorkDir,
    mut params: EncodeParams,
    progress: &mut Progress,
) -> Result<EncodeResult, Error> {
    let bitrate = params.second_pass.iter();
    let second_pass = bitrate.flat_map(|bitrate| second_pass(work, *bitrate));
    let buffer = params.buffer.iter().flat_map(buffer);
    params.encoder_args.extend(second_pass.chain(buffer));
    let mut units = run(work, &params, "h264", progress)?;
    if params.second_pass.is_some() || params.buffer.is_some() || params.crf.is_some() {
        units = notes::leave_out(work, units)?;
    }
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

/// x264 counts in thousands of bits. What is in the buffer is told as a part of it.
fn buffer(buffer: &ChunkBuffer) -> [String; 6] {
    let ChunkBuffer {
        max_bitrate,
        size,
        entry,
    } = buffer;
    [
        "-maxrate".to_owned(),
        max_bitrate.to_string(),
        "-bufsize".to_owned(),
        size.to_string(),
        "-rc_init_occupancy".to_owned(),
        entry.to_string(),
    ]
}
