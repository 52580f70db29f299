//! Encodes that were begun on this machine and have not finished.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The folder of their states, below the state folder.
pub(crate) const JOBS: &str = "jobs";

/// What an encode is, for people; beside its state, as `<key>.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub input: String,
    pub output: String,
    /// When it was first begun.
    pub began_unix_ms: i64,
}

/// An encode that has not finished.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Unfinished {
    pub id: String,
    pub running: bool,
    /// `null` when it was begun by a version that left no note.
    #[serde(flatten)]
    pub note: Option<Note>,
    pub bytes: u64,
    #[serde(skip)]
    pub folder: PathBuf,
}

/// Notes longer than this are not ours.
const MAX_NOTE_BYTES: u64 = 64 << 10;

/// Leaves the note of an encode, unless an earlier run of it did.
pub(crate) fn leave_note(job: &Path, note: &Note) -> io::Result<()> {
    let path = note_path(job);
    if path.exists() {
        return Ok(());
    }
    job.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(path, serde_json::to_vec(note)?)
}

fn note_path(job: &Path) -> PathBuf {
    job.with_extension("json")
}

/// Removes the state of an encode, durably.
pub(crate) fn forget(job: &Path) -> io::Result<()> {
    // The note goes last, so that what a kill leaves is still explained.
    fs::remove_dir_all(job)?;
    remove_if_there(&note_path(job))?;
    job.parent()
        .map_or(Ok(()), |jobs| File::open(jobs)?.sync_all())
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Every encode that has not finished, the oldest first.
pub(crate) fn unfinished(state: &Path) -> Vec<Unfinished> {
    let folders = fs::read_dir(state.join(JOBS)).into_iter().flatten();
    let folders = folders.flatten().map(|entry| entry.path());
    let mut all: Vec<_> = folders.filter_map(look_at).collect();
    all.sort_by_key(|job| job.note.as_ref().map(|note| note.began_unix_ms));
    all
}

fn look_at(folder: PathBuf) -> Option<Unfinished> {
    let id = folder.file_name()?.to_str()?.to_owned();
    // Whatever else lies there is not ours.
    let is_key = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_key || !folder.is_dir() {
        return None;
    }
    Some(Unfinished {
        running: is_locked(&folder),
        note: read_note(&folder),
        bytes: super::files::below(&folder).iter().map(|f| f.bytes).sum(),
        id,
        folder,
    })
}

/// The store of a running encode keeps its folder locked.
fn is_locked(folder: &Path) -> bool {
    let locked = |folder: File| matches!(folder.try_lock(), Err(fs::TryLockError::WouldBlock));
    File::open(folder).is_ok_and(locked)
}

fn read_note(folder: &Path) -> Option<Note> {
    let path = note_path(folder);
    let short = fs::metadata(&path).ok()?.len() <= MAX_NOTE_BYTES;
    serde_json::from_slice(&fs::read(path).ok().filter(|_| short)?).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn note(began: i64) -> Note {
        Note {
            input: "/a/in.mkv".into(),
            output: "/a/out.mp4".into(),
            began_unix_ms: began,
        }
    }

    #[test]
    fn an_unfinished_encode_is_explained_until_it_is_forgotten() {
        let state = tempfile::tempdir().unwrap();
        let jobs = state.path().join(JOBS);
        let job = |digit: &str| jobs.join(digit.repeat(32));
        for (digit, began) in [("a", 2), ("b", 1)] {
            leave_note(&job(digit), &note(began)).unwrap();
            fs::create_dir(job(digit)).unwrap();
        }
        leave_note(&job("a"), &note(99)).unwrap();
        fs::create_dir(jobs.join("else")).unwrap();
        let all = unfinished(state.path());
        let began: Vec<_> = all.iter().map(|u| u.note.clone().unwrap()).collect();
        assert_eq!(began, [note(1), note(2)]);
        let locked = File::open(job("a")).unwrap();
        locked.try_lock().unwrap();
        let all = unfinished(state.path());
        let running: Vec<_> = all.iter().map(|u| u.running).collect();
        assert_eq!(running, [false, true]);
        drop(locked);
        forget(&job("a")).unwrap();
        forget(&job("b")).unwrap();
        assert!(unfinished(state.path()).is_empty());
        assert_eq!(fs::read_dir(jobs).unwrap().count(), 1);
    }
}
