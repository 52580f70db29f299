//! One chunk, encoded at a few rate factors and measured, of which the best is kept: the same for every
//! encoder.

mod measure;
mod reference;

use std::fs;
use std::path::{Path, PathBuf};

use errors::Error;
use stratum_function::{Progress, WorkDir, io};

use super::{EncodeParams, EncodeResult, QUALITY, QualityParams, STREAM, TRACK, UNITS};
use crate::quality::{MAX_TRIES, Measured, Try, best, next};

pub use measure::available;

/// Encodes `input/source.y4m` at as many rate factors as the search asks for, each by `encode`, and puts
/// out what came nearest to the goal as an encoder would, with [`QUALITY`] beside it.
pub fn quality(
    work: &WorkDir,
    params: QualityParams,
    progress: &mut Progress,
    encode: impl Fn(&WorkDir, EncodeParams, &mut Progress) -> Result<EncodeResult, Error>,
) -> Result<Measured, Error> {
    available(params.goal.metric)?;
    let reference = reference::of(work, &params.encode)?;
    let mut tried = params.known.clone();
    let mut encoded = Vec::new();
    let attempt = |crf| {
        let attempt = attempt(work, crf, &reference)?;
        let own = EncodeParams {
            filter_graph: String::new(),
            input_frame_rate: None,
            crf: Some(crf),
            ..params.encode.clone()
        };
        encode(&attempt, own, &mut Progress::silent())?;
        measure::measure(&attempt, &params, &reference)
    };
    while let Some(crf) = next(&params.range, params.goal, &tried, encoded.len()) {
        let score = attempt(crf)?;
        tried.push(Try { crf, score });
        encoded.push(crf);
        progress.tell(encoded.len() as u64, MAX_TRIES as u64 + 1);
    }
    let kept = best(params.goal, &tried)
        .ok_or_else(|| Error::platform("MALFORMED_RANGE", "there is no rate factor to try"))?;
    if !encoded.contains(&kept.crf) {
        attempt(kept.crf)?;
    }
    keep(work, &folder(work, kept.crf))?;
    let measured = Measured {
        chunk: params.chunk,
        goal: params.goal,
        kept,
        tried,
        known: params.known.len(),
    };
    work.write_json(QUALITY, &measured)?;
    Ok(measured)
}

/// A working directory for one rate factor, with the reference as what is encoded.
fn attempt(work: &WorkDir, crf: u32, reference: &Path) -> Result<WorkDir, Error> {
    let folder = folder(work, crf);
    let attempt = WorkDir::new(&folder);
    let source = attempt.input("source.y4m");
    let failed = |e| io("preparing", &folder, &e);
    fs::create_dir_all(folder.join("input")).map_err(failed)?;
    let reference = fs::canonicalize(reference).map_err(failed)?;
    std::os::unix::fs::symlink(reference, source).map_err(failed)?;
    attempt.create_output()?;
    Ok(attempt)
}

fn folder(work: &WorkDir, crf: u32) -> PathBuf {
    work.scratch().join(format!("crf-{crf}"))
}

/// Puts out what was encoded there.
fn keep(work: &WorkDir, attempt: &Path) -> Result<(), Error> {
    let attempt = WorkDir::new(attempt);
    for name in [STREAM, UNITS, TRACK] {
        let (from, to) = (attempt.output(name), work.output(name));
        fs::copy(&from, &to).map_err(|e| io("copying", &from, &e))?;
    }
    Ok(())
}
