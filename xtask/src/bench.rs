//! Measurements beside a peer, in release mode.

use anyhow::{Result, ensure};

use crate::install::{self, FFMPEG};
use crate::{clip, sh};

/// Runs the measurement `name`; a measurement of video gets a clip when none is given.
pub fn run(name: &str, args: &[String]) -> Result<()> {
    let mut args = args.to_vec();
    if name == "ves" && !has_clip(&args) {
        ensure!(
            install::ensure(&[FFMPEG]).is_empty(),
            "measuring an encode needs ffmpeg"
        );
        args.extend(["--clip".to_owned(), clip::minute()?.display().to_string()]);
    }
    sh::release(&format!("bench-{name}"), &args)
}

fn has_clip(args: &[String]) -> bool {
    let given = |arg: &String| arg == "--clip" || arg.starts_with("--clip=") || arg == "--help";
    args.iter().any(given)
}
