//! A real clip through the whole house, and the proof that no frame was lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::install::{self, FFMPEG};
use crate::{clip, sh};

/// The packages whose programs one encode needs.
const PACKAGES: [&str; 5] = ["cli", "ves-avc", "ves-av1", "ves-media", "stratum-init"];

/// Encodes `file`, or a short film, and compares the frames of both.
pub fn run(file: Option<PathBuf>) -> Result<()> {
    ensure!(
        install::ensure(&[FFMPEG]).is_empty(),
        "the demo needs ffmpeg"
    );
    let source = file.map_or_else(clip::fetch, Ok)?;
    ensure!(source.is_file(), "{} is not a file", source.display());
    build()?;
    let output = output_for(&source)?;
    let begin = Instant::now();
    encode(&source, &output)?;
    let wall = begin.elapsed();
    let result = Comparison::of(&source, &output)?;
    println!("{}", result.table(&output, wall));
    ensure!(
        result.equal(),
        "the encode has {} frames, its source {}",
        result.frames.1,
        result.frames.0
    );
    Ok(())
}

fn build() -> Result<()> {
    println!("demo: building");
    let packages = PACKAGES.iter().flat_map(|package| ["--package", package]);
    sh::run(sh::cargo(
        ["build", "--release", "--bins"].into_iter().chain(packages),
    ))
}

/// A fresh name below target/demo; what an earlier run left there goes.
fn output_for(source: &Path) -> Result<PathBuf> {
    let name = source.file_name().context("the clip has no name")?;
    let output = clip::folder()?.join(format!("{}.encoded.mp4", name.to_string_lossy()));
    match fs::remove_file(&output) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(output),
    }
}

fn encode(source: &Path, output: &Path) -> Result<()> {
    let ves = sh::target_dir()?.join("release/ves");
    let mut command = sh::program(&ves.to_string_lossy(), ["encode"]);
    command
        .arg(source)
        .arg("-o")
        .arg(output)
        .args(["--crf", "23", "--chunk", "2s"])
        .env("VES_STATE", fresh_state()?);
    println!("demo: {}", sh::show(&command));
    sh::run(command)
}

/// An empty state folder, so that no earlier run has encoded the chunks already.
fn fresh_state() -> Result<PathBuf> {
    let state = clip::folder()?.join("state");
    if state.exists() {
        fs::remove_dir_all(&state).with_context(|| state.display().to_string())?;
    }
    Ok(state)
}

/// Source and encode, side by side in that order.
#[derive(Debug, PartialEq, Eq)]
struct Comparison {
    /// Decoded frames.
    frames: (u64, u64),
    /// Bytes.
    sizes: (u64, u64),
}

impl Comparison {
    fn of(source: &Path, output: &Path) -> Result<Self> {
        Ok(Self {
            frames: (decoded_frames(source)?, decoded_frames(output)?),
            sizes: (fs::metadata(source)?.len(), fs::metadata(output)?.len()),
        })
    }

    fn equal(&self) -> bool {
        self.frames.0 > 0 && self.frames.0 == self.frames.1
    }

    fn table(&self, output: &Path, wall: Duration) -> String {
        let verdict = if self.equal() {
            "every frame is there"
        } else {
            "FRAMES DIFFER"
        };
        let fps = self.frames.1 as f64 / wall.as_secs_f64();
        let ratio = self.sizes.1 as f64 / self.sizes.0.max(1) as f64;
        format!(
            "\n             {:>12} {:>12}\n\
             frames       {:>12} {:>12}\n\
             bytes        {:>12} {:>12}\n\
             size ratio   {:>12} {ratio:>12.3}\n\
             wall         {:>12} {:>10.1} s\n\
             frames/s     {:>12} {fps:>12.1}\n\
             verdict      {verdict}\n\
             output       {}",
            "source",
            "encode",
            self.frames.0,
            self.frames.1,
            self.sizes.0,
            self.sizes.1,
            "",
            "",
            wall.as_secs_f64(),
            "",
            output.display(),
        )
    }
}

/// The frames that a decoder gives, counted one by one.
fn decoded_frames(video: &Path) -> Result<u64> {
    let mut command = sh::program(
        "ffprobe",
        ["-v", "error", "-select_streams", "v:0", "-count_frames"],
    );
    command.args([
        "-show_entries",
        "stream=nb_read_frames",
        "-of",
        "default=nokey=1:noprint_wrappers=1",
    ]);
    command.arg(video);
    let count = sh::capture(command)?;
    let first = count.lines().next().unwrap_or_default().trim();
    first
        .parse()
        .with_context(|| format!("{} has no video that decodes", video.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_equal_and_not_empty_is_equal() {
        let compared = |frames| Comparison {
            frames,
            sizes: (10, 5),
        };
        assert!(compared((132, 132)).equal());
        assert!(!compared((132, 131)).equal());
        assert!(!compared((0, 0)).equal());
        let table = compared((132, 131)).table(Path::new("out.mp4"), Duration::from_secs(1));
        assert!(
            table.contains("FRAMES DIFFER") && table.contains("0.500") && table.contains("131.0")
        );
    }
}
