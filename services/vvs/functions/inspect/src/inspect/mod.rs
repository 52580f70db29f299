//! Decodes one segment strictly and measures each frame against the source's.

mod attempt;
mod measure;
mod part;

use std::path::Path;

use errors::Error;
use stratum_function::{Progress, WorkDir};
use vvs_api::function::{InspectParams, InspectResult, file};

use crate::print::PrintFile;
use crate::times::Times;
use attempt::Attempt;

pub(crate) use measure::{NEAR, NONE, Row};
use part::Part;
#[cfg(test)]
pub(crate) use part::Trouble;
pub(crate) use part::{PartHeader, PartReader};

/// Writes `output/part.rows` of one segment of `input/video`.
///
/// # Errors
/// Only when a tool or a file is lost: a segment that does not decode is a finding.
pub fn inspect(
    work: &WorkDir,
    params: InspectParams,
    progress: &mut Progress,
) -> Result<InspectResult, Error> {
    let video = work.input(file::VIDEO);
    let times = Times::read(&work.input(file::TIMES))?;
    let source = prints(&work.input(file::PRINTS))?;
    let attempt = Attempt {
        video: &video,
        params: &params,
        times: &times,
        source: source.as_ref(),
    };
    let part = whole(&attempt, progress)?;
    part.write(work.create(file::PART)?, &work.output(file::PART))?;
    Ok(InspectResult {
        frames: part.rows.len() as u64,
        linear: part.header.linear,
    })
}

/// By seeking, if that gives every frame and no complaint; else from the start of the file.
fn whole(attempt: &Attempt<'_>, progress: &mut Progress) -> Result<Part, Error> {
    if let Some(seek_us) = attempt.params.segment.seek_us {
        let sought = attempt.run(Some(seek_us), progress)?;
        if sought.is_flawless {
            return Ok(sought.part);
        }
    }
    Ok(attempt.run(None, progress)?.part)
}

fn prints(path: &Path) -> Result<Option<PrintFile>, Error> {
    path.exists().then(|| PrintFile::open(path)).transpose()
}
