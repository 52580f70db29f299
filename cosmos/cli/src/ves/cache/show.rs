//! `ves cache show`.

use std::path::Path;

use clock::{Clock, SystemClock, Timestamp};
use serde::Serialize;

use super::files;
use super::jobs::{self, Unfinished};
use super::trim::{Areas, MAX_BYTES};
use crate::explain::one_line;
use crate::output::Output;
use crate::stop::Stop;
use crate::units::{Age, Size, count};

/// What a state folder holds.
#[derive(Debug, Serialize)]
pub(crate) struct Held {
    pub folder: String,
    pub blobs: u64,
    pub blob_bytes: u64,
    /// Results that are remembered.
    pub memos: u64,
    /// Not published yet, or left by a process that was killed.
    pub staging_bytes: u64,
    pub max_bytes: u64,
    pub unfinished: Vec<Unfinished>,
}

impl Held {
    pub(crate) fn of(state: &Path) -> Self {
        let areas = Areas::of(state);
        let bytes = |files: &[files::Kept]| files.iter().map(|file| file.bytes).sum();
        let blobs = files::below(&areas.blobs);
        Self {
            folder: state.display().to_string(),
            blobs: blobs.len() as u64,
            blob_bytes: bytes(&blobs),
            memos: files::below(&areas.memos).len() as u64,
            staging_bytes: bytes(&files::below(&areas.staging)),
            max_bytes: MAX_BYTES,
            unfinished: jobs::unfinished(state),
        }
    }
}

pub(super) fn show(state: &Path, output: &Output) -> Result<(), Stop> {
    let held = Held::of(state);
    output.result(&held, || in_words(&held, SystemClock.now()));
    Ok(())
}

fn in_words(held: &Held, now: Timestamp) -> String {
    let mut lines = vec![
        format!("folder      {}", one_line(&held.folder)),
        format!(
            "chunks      {} in {} (kept up to {})",
            Size(held.blob_bytes),
            count(held.blobs, "blob"),
            Size(held.max_bytes)
        ),
        format!("remembered  {}", count(held.memos, "result")),
    ];
    if held.staging_bytes > 0 {
        lines.push(format!("in work     {}", Size(held.staging_bytes)));
    }
    lines.push(match held.unfinished.len() as u64 {
        0 => "unfinished  no encodes".to_owned(),
        some => format!("unfinished  {}", count(some, "encode")),
    });
    lines.extend(held.unfinished.iter().map(|job| unfinished(job, now)));
    lines.join("\n")
}

fn unfinished(job: &Unfinished, now: Timestamp) -> String {
    let state = if job.running { "running" } else { "stopped" };
    match &job.note {
        Some(note) => format!(
            "  {state}, begun {} ago: {} -> {}",
            Age(now.since(Timestamp::from_unix_ms(note.began_unix_ms))),
            one_line(&note.input),
            one_line(&note.output)
        ),
        None => format!("  {state}: {} (begun by another version)", job.id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ves::cache::jobs::Note;

    #[test]
    fn the_cache_is_told_in_words() {
        let job = |running, note| Unfinished {
            id: "a".repeat(32),
            running,
            note,
            bytes: 0,
            folder: "x".into(),
        };
        let note = Note {
            input: "/films/in\u{1b}.mkv".into(),
            output: "/films/out.mp4".into(),
            began_unix_ms: 1_000,
        };
        let held = Held {
            folder: "/home/me/.local/state/ves".into(),
            blobs: 1,
            blob_bytes: 12_900_000,
            memos: 2,
            staging_bytes: 0,
            max_bytes: MAX_BYTES,
            unfinished: vec![job(true, Some(note)), job(false, None)],
        };
        let expected = "\
folder      /home/me/.local/state/ves
chunks      12.3 MiB in 1 blob (kept up to 20.0 GiB)
remembered  2 results
unfinished  2 encodes
  running, begun 3 min 20 s ago: /films/in\\u{1b}.mkv -> /films/out.mp4
  stopped: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa (begun by another version)";
        let now = Timestamp::from_unix_ms(201_000);
        assert_eq!(in_words(&held, now), expected);
    }
}
