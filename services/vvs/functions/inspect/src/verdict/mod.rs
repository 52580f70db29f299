//! Joins what was measured of all segments and says what differs.

mod cause;
mod decode;
mod name;
mod noise;
mod path;
mod quality;

use std::fs;
use std::path::PathBuf;

use errors::Error;
use stratum_function::{Progress, WorkDir, io};
use vvs_api::expect::{self, Expectations};
use vvs_api::function::{VerdictParams, file};
use vvs_api::report::{Discrepancy, Quality, REPORT, Report};
use vvs_api::wire::ValidateResponse;

use crate::inspect::{NONE, PartHeader, PartReader, Row};
use crate::limits::{FRAMES, REPORTED, RESPONSE, TOLD};
use crate::plan::{Found, Plan};
use crate::print::LEVEL;
use path::Shown;

/// Judges by `input/plan.json` and `input/parts/`; the whole report is `output/report.json`.
///
/// # Errors
/// When what the other functions made is not there.
pub fn verdict(
    work: &WorkDir,
    params: VerdictParams,
    _: &mut Progress,
) -> Result<ValidateResponse, Error> {
    let expected: Expectations = work.read_json(&work.input(expect::FILE))?;
    let plan: Plan = work.read_json(&work.input(file::PLAN))?;
    let (headers, rows) = parts(work)?;
    let checks = expected.checks().into_iter().map(str::to_owned).collect();
    let frames = rows.len() as u64;
    let found = judge(&expected, &plan, &headers, &rows, params.source_frames);
    let quality = expected.need_source().then(|| quality(&rows));
    let report = Report::new(found, checks, frames, REPORTED).with_quality(quality);
    work.write_json(REPORT, &report)?;
    Ok(report.response(TOLD, RESPONSE))
}

/// How far each frame is from the one that it resembles most.
fn quality(rows: &[Row]) -> Quality {
    let hundredths = |row: &Row| match row.least() {
        NONE => 0,
        distance => u32::from(distance) * 100 / u32::from(LEVEL),
    };
    Quality::of(&rows.iter().map(hundredths).collect::<Vec<_>>())
}

fn judge(
    expected: &Expectations,
    plan: &Plan,
    headers: &[PartHeader],
    rows: &[Row],
    source_frames: Option<u64>,
) -> Vec<Discrepancy> {
    let mut found = plan.found.clone();
    let decoded: Vec<u64> = rows.iter().map(|row| row.frame).collect();
    // Frames of which nobody knew come behind those of the container.
    let frames = decoded.last().map_or(0, |last| last + 1).max(plan.frames);
    let mut add = |all: Vec<Discrepancy>| found.extend(all.into_iter().map(Found::from));
    if let Some(count) = expected.frame_count {
        add(decode::count(rows.len() as u64, count)
            .into_iter()
            .collect());
    }
    if expected.clean_decode {
        add(decode::unclean(plan, headers, &decoded, frames));
    }
    if expected.clean_decode || expected.format.is_some() {
        add(decode::resized(headers).into_iter().collect());
    }
    let source_frames = source_frames.filter(|_| expected.need_source());
    let path = source_frames.map(|_| path::path(rows, &noise::limits(rows)));
    if let (Some(path), Some(source_frames)) = (&path, source_frames) {
        add(against_source(expected, rows, path, frames, source_frames));
    }
    cause::fold(
        found,
        &cause::Evidence {
            rows,
            path: path.as_deref().unwrap_or_default(),
            frames,
            announced: plan.announced,
            frame_count: expected.frame_count,
            source_frames,
        },
    )
}

fn against_source(
    expected: &Expectations,
    rows: &[Row],
    path: &[Shown],
    frames: u64,
    source_frames: u64,
) -> Vec<Discrepancy> {
    let mut found = Vec::new();
    if expected.same_frames {
        found.extend(name::differences(rows, path, frames, source_frames));
    }
    if let Some(boundaries) = &expected.boundaries {
        // A picture from elsewhere has no quality to speak of.
        let shown = rows
            .iter()
            .zip(path)
            .filter(|(_, shown)| **shown != Shown::Other);
        let rows: Vec<&Row> = shown.map(|(row, _)| row).collect();
        found.extend(quality::steps(&rows, boundaries));
    }
    found
}

/// All parts in order, one after the other.
fn parts(work: &WorkDir) -> Result<(Vec<PartHeader>, Vec<Row>), Error> {
    let (mut headers, mut rows) = (Vec::new(), Vec::new());
    for path in files(work.input(file::PARTS))? {
        let mut part = PartReader::open(&path)?;
        while let Some(row) = part.next().map_err(|e| io("reading", &path, &e))? {
            if rows.len() == FRAMES {
                let message = format!("there are more than {FRAMES} frames");
                return Err(Error::source("TOO_MANY_FRAMES", message));
            }
            rows.push(row);
        }
        headers.push(part.header);
    }
    Ok((headers, rows))
}

/// The files of a folder in the order of their names; none when it is not there.
fn files(folder: PathBuf) -> Result<Vec<PathBuf>, Error> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let failed = |e: std::io::Error| io("reading", &folder, &e);
    let entries = fs::read_dir(&folder).map_err(failed)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::inspect::{NEAR, NONE, Row};

    /// Rows of a video of so many frames, and of a source with a few more; `distance` is that of a
    /// frame to the one at an offset.
    pub(crate) fn rows(frames: u64, distance: impl Fn(i64, i64) -> u16) -> Vec<Row> {
        let row = |frame: u64| Row {
            frame,
            near: std::array::from_fn(|slot| {
                let (frame, offset) = (frame as i64, slot as i64 - NEAR);
                let exists = (0..frames as i64 + NEAR).contains(&(frame + offset));
                if exists {
                    distance(frame, offset)
                } else {
                    NONE
                }
            }),
            far: [(0, NONE); 4],
            detail: 0.0,
            moved: 500,
            still: 500,
            brightest: (50_000, 50_000),
            contrast: 15_000,
        };
        (0..frames).map(row).collect()
    }
}
