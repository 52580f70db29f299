//! What is right: one plain linear decode of the whole file.

use std::path::Path;

use anyhow::{Context, Result};

use crate::run;

/// One decoded frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Presentation timestamp, in ticks of the track's time base.
    pub pts: i64,
    /// MD5 of the samples, in hexadecimal.
    pub md5: String,
}

/// The hash of every frame of the first video track in presentation order, samples untouched.
///
/// # Errors
/// When ffmpeg is missing or cannot read the file at all.
pub fn framemd5(path: &Path) -> Result<Vec<String>> {
    Ok(frames(path)?.into_iter().map(|frame| frame.md5).collect())
}

/// The same with timestamps.
///
/// # Errors
/// When ffmpeg is missing or cannot read the file at all.
pub fn frames(path: &Path) -> Result<Vec<Frame>> {
    let before = ["-nostdin", "-v", "error", "-copyts", "-noautorotate"];
    let after = "-map 0:v:0 -autoscale 0 -fps_mode passthrough -enc_time_base -1 -f framemd5 -";
    let path = path.display().to_string();
    let args = before
        .into_iter()
        .chain(["-i", &path])
        .chain(after.split(' '));
    let output = String::from_utf8(run("ffmpeg", args)?)?;
    let lines = output.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| parse(line).with_context(|| line.to_owned()))
        .collect()
}

/// `stream, dts, pts, duration, size, hash`.
fn parse(line: &str) -> Option<Frame> {
    let mut fields = line.split(',').map(str::trim);
    let pts = fields.nth(2)?.parse().ok()?;
    let md5 = fields.nth(2)?.to_owned();
    Some(Frame { pts, md5 })
}
