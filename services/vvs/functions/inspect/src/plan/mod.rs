//! What the container says, compared with what is expected; and the video cut into segments.

mod access;
mod buffer;
mod format;
mod hdr;
mod segments;
mod timestamps;

use std::fs::{self, File};
use std::io::{BufWriter, Write};

use errors::Error;
use serde::{Deserialize, Serialize};
use stratum_frames::FrameTable;
use stratum_function::{Progress, WorkDir, io};
use vvs_api::expect::{self, Expectations};
use vvs_api::function::{PlanParams, PlanResult, Segment, file};
use vvs_api::report::{Discrepancy, HIDDEN_FRAMES};

use crate::media::{Packets, Stream, describe, list};
use crate::times::Times;

/// The list of segments, below `output/`.
const ELEMENTS: &str = "elements.ndjson";

/// What the verdict has to know of the container.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// What differs already.
    pub(crate) found: Vec<Found>,
    /// What the demuxer complained of.
    pub(crate) complaints: Vec<String>,
    /// Frames that are shown.
    pub(crate) frames: u64,
    /// Frames that the header announces, if it does.
    pub(crate) announced: Option<u64>,
}

/// Something that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) discrepancy: Discrepancy,
    /// What would explain it.
    pub(crate) reason: Option<Reason>,
}

/// What would explain that times differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    /// That the video has as many frames as it has.
    Length,
    /// That its frames are those of the source so many places later.
    Offset(i64),
}

impl Found {
    fn with(discrepancy: Discrepancy, reason: Option<Reason>) -> Self {
        Self {
            discrepancy,
            reason,
        }
    }
}

impl From<Discrepancy> for Found {
    fn from(discrepancy: Discrepancy) -> Self {
        Self::with(discrepancy, None)
    }
}

/// Reads `input/video` without decoding it.
///
/// # Errors
/// Of class `source` when it cannot be read at all, or has no video.
pub fn plan(work: &WorkDir, params: PlanParams, _: &mut Progress) -> Result<PlanResult, Error> {
    let video = work.input(file::VIDEO);
    let expected: Expectations = work.read_json(&work.input(expect::FILE))?;
    let described = describe(&video).map_err(unreadable)?;
    let none = || Error::source("NO_VIDEO", "there is no video track").at("video");
    let track = described.video().ok_or_else(none)?;
    if expected.need_frames() {
        track.check_decoder()?;
    }
    let packets = list(&video, track.index).map_err(unreadable)?;
    let (times, timed) = times(&packets);

    let mut found = hidden(&packets, &expected);
    if let Some(format) = &expected.format {
        found.extend(format::compare(track, format));
        let hdr = format.picture.as_ref().map(|picture| picture.hdr);
        let hdr = hdr::compare(&video, &described, track, &hdr.unwrap_or_default());
        found.extend(hdr.map_err(unreadable)?);
    }
    if let Some(others) = expected.other_tracks {
        found.extend(format::compare_tracks(described.others(), others));
    }
    if let Some(most) = expected.access_frames {
        found.extend(access::rare(&packets.packets, most));
    }
    // Where frames are missing or too many, all behind them are elsewhere, which is told by itself.
    let counted = expected
        .frame_count
        .is_none_or(|frames| frames == times.len());
    if let Some(points) = expected.access_points.as_ref().filter(|_| counted) {
        found.extend(access::missing(&packets.packets, &times, points));
        if expected.access_only {
            found.extend(access::extra(&packets.packets, &times, points));
        }
    }
    if let Some(expected) = expected.buffer {
        let late = buffer::underflows(track, &packets.packets, &times, expected);
        found.extend(late);
    }
    let mut found: Vec<Found> = found.into_iter().map(Found::from).collect();
    if expected.timestamps {
        found.extend(timestamps::compare(track, &packets, &times, &table(work)?));
    }

    let segments = match expected.need_frames() {
        true => segments::cut(track, &packets, &times, timed, params.segment_frames),
        false => Vec::new(),
    };
    times.write(work.create(file::TIMES)?, &work.output(file::TIMES))?;
    write_elements(work, &segments)?;
    let plan = Plan {
        found,
        complaints: packets.complaints,
        frames: times.len(),
        announced: track.nb_frames.parse().ok(),
    };
    work.write_json(file::PLAN, &plan)?;
    Ok(result(track, plan.frames, &segments))
}

fn result(track: &Stream, frames: u64, segments: &[Segment]) -> PlanResult {
    PlanResult {
        frames,
        segments: segments.len() as u64,
        track: track.index,
        width: track.width,
        height: track.height,
        pixel_format: track.pix_fmt.clone(),
        full_range: track.full_range(),
        spare: track.spare,
    }
}

/// The times of the frames that are shown, and whether they tell frames apart.
fn times(packets: &Packets) -> (Times, bool) {
    let shown = packets.packets.iter().filter(|packet| !packet.hidden);
    let times: Option<Vec<i64>> = shown.map(|packet| packet.pts).collect();
    match times.and_then(Times::new) {
        Some(times) => (times, true),
        None => (Times::default(), false),
    }
}

fn hidden(packets: &Packets, expected: &Expectations) -> Vec<Discrepancy> {
    let hidden = packets
        .packets
        .iter()
        .filter(|packet| packet.hidden)
        .count();
    let matters = expected.frame_count.is_some() || expected.timestamps || expected.same_frames;
    let told = (hidden > 0 && matters).then(|| {
        let message = format!("{hidden} frames are in the file, but are not to be shown");
        Discrepancy::new(HIDDEN_FRAMES, message).differs(0, hidden)
    });
    told.into_iter().collect()
}

fn table(work: &WorkDir) -> Result<FrameTable, Error> {
    let path = work.input(file::FRAME_TABLE);
    let bytes = fs::read(&path).map_err(|e| io("reading", &path, &e))?;
    FrameTable::decode(&bytes).map_err(|e| {
        Error::user("NOT_A_FRAME_TABLE", e.to_string())
            .at("expectations.timestamps.frame_table")
            .hint("name the table that a splitter of this platform wrote")
    })
}

fn write_elements(work: &WorkDir, segments: &[Segment]) -> Result<(), Error> {
    let mut to: BufWriter<File> = work.create(ELEMENTS)?;
    let mut write = || {
        for segment in segments {
            serde_json::to_writer(&mut to, segment)?;
            to.write_all(b"\n")?;
        }
        to.flush()
    };
    write().map_err(|e| io("writing", &work.output(ELEMENTS), &e))
}

/// The tools' failures are the file's fault; a lost tool is not.
fn unreadable(error: Error) -> Error {
    match error.code.as_str() {
        "TOOL_FAILED" | "PROBE" => Error::source("UNREADABLE_VIDEO", error.message.clone())
            .at("video")
            .hint("name a video file that ffprobe can read")
            .caused_by(error),
        _ => error,
    }
}
