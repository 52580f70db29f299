//! One chunk, encoded by VVenC and looked through.

use errors::Error;
use stratum_function::{Progress, WorkDir};
use ves_api::function::{
    EncodeParams, EncodeResult, TRACK, UNITS, annex_b, encode_by, encoder_available, for_each_unit,
};
use ves_api::recipe::Coding;

use crate::nal::Nal;
use crate::track::ParameterSets;

/// Encodes `input/source.y4m`.
pub fn encode(
    work: &WorkDir,
    params: EncodeParams,
    progress: &mut Progress,
) -> Result<EncodeResult, Error> {
    let coding = coding()?;
    // The tool may be there and have no encoder, which is told better now than by what it says.
    encoder_available(coding)?;
    let units = encode_by(coding.ffmpeg.tool, work, &params, "vvc", progress)?;
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

fn coding() -> Result<&'static Coding, Error> {
    let unknown = || Error::platform("UNKNOWN_CODEC", "this version does not know vvc");
    Coding::named("vvc").ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_tool_that_encodes_is_the_one_that_is_declared() {
        let declared = include_str!("../function.yaml");
        let tools = format!("\ntools: [{}]\n", coding().unwrap().ffmpeg.tool);
        assert!(declared.contains(&tools), "{tools}");
    }
}
