//! One linear decode of the source, and the fingerprint of every frame.
//!
//! It shares nothing with how the platform cuts sources into ranges: no frame table, no seeking.
//! A mistake there cannot hide here.

use errors::Error;
use stratum_function::{Progress, WorkDir, io};
use video::{Conversion, Region, Resolution, TimeBase};
use vvs_api::function::{FingerprintParams, FingerprintResult, file};

use crate::cadence::Repeated;
use crate::media::{Decode, Stream, describe};
use crate::print::{Grid, Print, PrintWriter};

/// Writes `output/reference.prints` of `input/source`.
///
/// # Errors
/// Of class `source` when no frame of it can be decoded.
pub fn fingerprint(
    work: &WorkDir,
    params: FingerprintParams,
    progress: &mut Progress,
) -> Result<FingerprintResult, Error> {
    let source = work.input(file::SOURCE);
    let described = describe(&source).map_err(unreadable)?;
    let none = || Error::source("NO_VIDEO", "the source has no video track").at("source");
    let video = described.video().ok_or_else(none)?;
    refuse_outside(video, params.region)?;
    let decode = Decode {
        file: &source,
        track: video.index,
        spare: video.spare,
        pixel_format: &video.pix_fmt,
        full_range: video.full_range(),
        strict: false,
        window: None,
        conversion: params.conversion,
        region: params.region,
    };
    let path = work.output(file::PRINTS);
    let failed = |e| io("writing", &path, &e);
    let (mut grid, mut writer) = (Grid::default(), None);
    let total = announced(video).saturating_mul(params.conversion.frames_of_each());
    let mut done = 0;
    let mut repeated = repeated(video, params.conversion)?;
    let outcome = decode.run(|frame| {
        if writer.is_none() {
            let (width, height) = (frame.plane.width as u32, frame.plane.height as u32);
            let created = PrintWriter::new(work.create(file::PRINTS)?, width, height);
            writer = Some(created.map_err(failed)?);
        }
        let print = grid.print(&frame.plane);
        done += 1;
        progress.tell(done, total);
        let mut write = |print: &Print| match &mut writer {
            Some(to) => to.push(frame.told.pts, print).map_err(failed),
            None => Ok(()),
        };
        match &mut repeated {
            Some(repeated) => repeated.take(frame.told.pts, print, write),
            None => write(&print),
        }
    })?;
    if let (Some(repeated), Some(writer)) = (repeated, &mut writer) {
        repeated.finish(|print| writer.push(None, print).map_err(failed))?;
    }
    let log = outcome.log;
    match (writer, outcome.ended) {
        (Some(writer), _) => Ok(FingerprintResult {
            frames: writer.finish().map_err(failed)?,
            complaints: log.complaints.len() as u64 + log.more,
        }),
        (None, Err(failure)) => Err(unreadable(failure.into())),
        (None, Ok(())) => {
            Err(Error::source("NO_FRAMES", "no frame of the source can be decoded").at("source"))
        }
    }
}

/// Frames at a constant rate, where that is wanted.
fn repeated(video: &Stream, conversion: Conversion) -> Result<Option<Repeated>, Error> {
    let Some(cadence) = conversion.cadence() else {
        return Ok(None);
    };
    let base = video.time_base.parse().ok().and_then(TimeBase::new);
    let ticks = base.and_then(|base| conversion.ticks(base));
    let untold = || Error::source("NO_TIMES", "the source does not tell its ticks").at("source");
    Ok(Some(Repeated::new(cadence, ticks.ok_or_else(untold)?)))
}

/// A part that is none of the picture cannot be looked at.
fn refuse_outside(video: &Stream, region: Option<Region>) -> Result<(), Error> {
    let picture = Resolution::new(video.width, video.height);
    let holds = |region: Region| picture.is_some_and(|picture| region.is_within(picture));
    if region.is_none_or(holds) {
        return Ok(());
    }
    let (width, height) = (video.width, video.height);
    let message = format!("the region lies outside of the source's picture of {width}x{height}");
    Err(Error::user("OUT_OF_RANGE", message)
        .at("source_region")
        .hint("name a part of the picture, or leave it out for all of it"))
}

/// How many frames there will be, about; for progress alone.
fn announced(video: &Stream) -> u64 {
    video.nb_frames.parse().unwrap_or(u64::MAX)
}

/// The tools' failures are the source's fault; a lost tool is not.
fn unreadable(error: Error) -> Error {
    match error.code.as_str() {
        "TOOL_FAILED" | "PROBE" => Error::source("UNREADABLE_SOURCE", error.message.clone())
            .at("source")
            .hint("name a video file that ffprobe can read")
            .caused_by(error),
        _ => error,
    }
}
