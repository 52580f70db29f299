//! Decodes every frame and tolerates nothing.

use std::path::Path;

use errors::Error;
use ves_api::function::{Progress, Tool};

/// Decodes the video, which is of this `format` if none can be seen in it; an error of the decoder or a wrong number of frames is a discrepancy.
pub(crate) fn decode(
    video: &Path,
    format: Option<&str>,
    frames: u64,
    progress: &mut Progress,
) -> Result<Vec<Error>, Error> {
    let mut decoded = 0;
    let log = Tool::new("ffmpeg")
        .args([
            "-nostdin",
            "-hide_banner",
            "-loglevel",
            "error",
            "-progress",
            "pipe:1",
        ])
        .args(["-xerror", "-err_detect", "explode", "-threads", "2"])
        .args(["-protocol_whitelist", "file", "-noautorotate"])
        .args(format.map_or(vec![], |format| vec!["-f", format]))
        .arg("-i")
        .arg(video)
        .args([
            "-map",
            "0:v:0",
            "-fps_mode",
            "passthrough",
            // By the nominal rate, frames of a variable one would share a time.
            "-enc_time_base",
            "-1",
            "-f",
            "null",
            "-",
        ])
        .run(|line| {
            if let Some(frame) = line.strip_prefix("frame=") {
                decoded = frame.trim().parse().unwrap_or(decoded);
                progress.tell(decoded, frames);
            }
            Ok(())
        });
    Ok(match log {
        Ok(log) => judge(log, decoded, frames),
        Err(failed) if failed.code == "TOOL_FAILED" => vec![unclean(failed, decoded, frames)],
        Err(lost) => return Err(lost),
    })
}

fn judge(log: Vec<String>, decoded: u64, frames: u64) -> Vec<Error> {
    let complaints = (!log.is_empty()).then(|| unclean(complaint(&log), decoded, frames));
    let miscounted = (decoded != frames).then(|| {
        let message = format!("{decoded} frames decode, but the source has {frames}");
        Error::function("FRAME_COUNT", message).frames(decoded.min(frames), decoded.max(frames))
    });
    complaints.into_iter().chain(miscounted).collect()
}

fn complaint(log: &[String]) -> Error {
    let lines = log.iter().map(|line| Error::function("LOG", line));
    lines.fold(
        Error::function("TOOL_FAILED", "the decoder complained"),
        Error::caused_by,
    )
}

/// Frames behind the last good one are in doubt.
fn unclean(cause: Error, decoded: u64, frames: u64) -> Error {
    Error::function("UNCLEAN_DECODE", "the encoded file does not decode cleanly")
        .frames(decoded.min(frames), frames)
        .caused_by(cause)
}
