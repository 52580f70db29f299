//! A real clip through the whole house, by every codec, and the proof that no frame was lost.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::install::{self, FFMPEG};
use crate::{clip, sh};

/// The packages whose programs one encode needs.
const PACKAGES: [&str; 9] = [
    "cli",
    "ves-avc",
    "ves-hevc",
    "ves-av1",
    "ves-vp9",
    "ves-vvc",
    "ves-media",
    "vvs-inspect",
    "stratum-init",
];

/// Codecs, and how each is asked for.
const CODECS: [(&str, [&str; 4]); 4] = [
    ("avc", ["--crf", "23", "--chunk", "2s"]),
    ("hevc", ["--crf", "28", "--chunk", "2s"]),
    ("av1", ["--crf", "35", "--chunk", "2s"]),
    ("vp9", ["--crf", "32", "--chunk", "2s"]),
];

/// Encodes `file`, or a short film, by each codec, and compares the frames.
pub fn run(file: Option<PathBuf>) -> Result<()> {
    ensure!(
        install::ensure(&[FFMPEG]).is_empty(),
        "the demo needs ffmpeg"
    );
    let source = file.map_or_else(clip::fetch, Ok)?;
    ensure!(source.is_file(), "{} is not a file", source.display());
    build()?;
    let source = Video::of("source", &source)?;
    let encodes = CODECS
        .iter()
        .map(|(codec, args)| encode(&source, codec, args));
    let encodes = encodes.collect::<Result<Vec<_>>>()?;
    println!("{}", table(&source, &encodes));
    let lost = encodes.iter().find(|encode| !encode.is_whole(&source));
    ensure!(lost.is_none(), "frames differ");
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
fn output_for(source: &Path, codec: &str) -> Result<PathBuf> {
    let name = source.file_stem().context("the clip has no name")?;
    let output = clip::folder()?.join(format!("{}.{codec}.mp4", name.to_string_lossy()));
    match fs::remove_file(&output) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(output),
    }
}

/// Encodes and validates; `ves` fails when the validator finds anything.
fn encode(source: &Video, codec: &str, args: &[&str]) -> Result<Encode> {
    let output = output_for(&source.path, codec)?;
    let ves = sh::target_dir()?.join("release/ves");
    let mut command = sh::program(&ves.to_string_lossy(), ["encode"]);
    command
        .arg(&source.path)
        .arg("-o")
        .arg(&output)
        .args(["--codec", codec, "--json"])
        .args(args)
        .env("VES_STATE", fresh_state()?);
    println!("demo: {}", sh::show(&command));
    let events = sh::capture(command)?;
    Ok(Encode {
        video: Video::of(codec, &output)?,
        finished: finished(&events)?,
    })
}

fn finished(events: &str) -> Result<Finished> {
    let last = events.lines().last().unwrap_or_default();
    serde_json::from_str(last).with_context(|| format!("ves ended with {last}"))
}

/// An empty state folder, so that no earlier run has encoded the chunks already.
fn fresh_state() -> Result<PathBuf> {
    let state = clip::folder()?.join("state");
    if state.exists() {
        fs::remove_dir_all(&state).with_context(|| state.display().to_string())?;
    }
    Ok(state)
}

/// A file, and what a decoder makes of it.
#[derive(Debug, PartialEq, Eq)]
struct Video {
    name: String,
    path: PathBuf,
    /// Decoded ones.
    frames: u64,
    bytes: u64,
}

impl Video {
    fn of(name: &str, path: &Path) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            path: path.to_owned(),
            frames: decoded_frames(path)?,
            bytes: fs::metadata(path)?.len(),
        })
    }
}

/// What `ves` says at the end.
#[derive(Debug, Deserialize)]
struct Finished {
    fps: f64,
    elapsed_ms: u64,
    checks: Vec<String>,
}

struct Encode {
    video: Video,
    finished: Finished,
}

impl Encode {
    fn is_whole(&self, source: &Video) -> bool {
        source.frames > 0 && self.video.frames == source.frames
    }

    fn row(&self, source: &Video) -> String {
        let verdict = match self.is_whole(source) {
            true => format!("valid: {}", self.finished.checks.join(", ")),
            false => "FRAMES DIFFER".to_owned(),
        };
        format!(
            "{:<8} {:>7} {:>11} {:>7.3} {:>7.1} s {:>7.1}  {verdict}",
            self.video.name,
            self.video.frames,
            self.video.bytes,
            self.video.bytes as f64 / source.bytes.max(1) as f64,
            self.finished.elapsed_ms as f64 / 1e3,
            self.finished.fps,
        )
    }
}

fn table(source: &Video, encodes: &[Encode]) -> String {
    let head = "\n          frames       bytes   ratio      wall     fps  verdict".to_owned();
    let origin = format!(
        "{:<8} {:>7} {:>11}",
        source.name, source.frames, source.bytes
    );
    let rows = encodes.iter().map(|encode| encode.row(source));
    let files = encodes
        .iter()
        .map(|encode| encode.video.path.display().to_string());
    let lines: Vec<String> = [head, origin]
        .into_iter()
        .chain(rows)
        .chain(files)
        .collect();
    lines.join("\n")
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

    fn video(frames: u64, bytes: u64) -> Video {
        Video {
            name: "av1".into(),
            path: "a.mp4".into(),
            frames,
            bytes,
        }
    }

    #[test]
    fn only_as_many_frames_as_the_source_has_are_all_of_them() {
        let encode = |frames| Encode {
            video: video(frames, 5),
            finished: finished("{\"fps\": 132.0, \"elapsed_ms\": 1000, \"checks\": [\"a\"]}")
                .expect("it is JSON"),
        };
        let source = video(132, 10);
        assert!(encode(132).is_whole(&source));
        assert!(!encode(131).is_whole(&source) && !encode(0).is_whole(&video(0, 10)));
        let table = table(&source, &[encode(132), encode(131)]);
        for words in ["0.500", "132.0", "valid: a", "FRAMES DIFFER"] {
            assert!(table.contains(words), "{table}");
        }
    }
}
