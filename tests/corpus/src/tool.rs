//! Running the tools that make and check clips.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// Whether a tool is installed; tests [`crate::skip`] without it.
#[must_use]
pub fn have(tool: &str) -> bool {
    let started = Command::new(tool)
        .arg("-version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    started.is_ok()
}

/// Runs a tool to its end and gives its standard output.
///
/// # Errors
/// When it cannot be started or fails; the error ends with what it wrote to standard error.
pub fn run<A: AsRef<OsStr>>(tool: &str, args: impl IntoIterator<Item = A>) -> Result<Vec<u8>> {
    let output = Command::new(tool)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {tool}; is it installed?"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{tool}: {}: {complaint}",
        output.status
    );
    Ok(output.stdout)
}

/// An ffmpeg that encodes and decodes VVC, found as functions find it; without one this says so loudly,
/// and tests of `what` return.
#[must_use]
pub fn ffmpeg_vvc(what: &str) -> Option<String> {
    let told = std::env::var("COSMOS_TOOL_FFMPEG_VVC").ok();
    let installed = || {
        let mut names = ["ffmpeg-vvc", "ffmpeg-quality", "ffmpeg"].into_iter();
        names.find(|name| have(name)).map(str::to_owned)
    };
    let encodes = |tool: &String| {
        let listed = run(tool, ["-hide_banner", "-encoders"]).unwrap_or_default();
        String::from_utf8_lossy(&listed).contains(" libvvenc ")
    };
    let found = told.or_else(installed).filter(encodes);
    if found.is_none() {
        crate::skip(what, "no ffmpeg with libvvenc under the name ffmpeg-vvc");
    }
    found
}
