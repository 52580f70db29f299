//! The folder of one validation, which goes with it, however it ends.
//!
//! A process that is killed cannot clear up after itself: the next validation does. Each folder
//! holds a lock for as long as its process lives, and the kernel lets go of it. Nobody sees a folder
//! without its lock: folders are made, and cleared, by one process at a time.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use tempfile::TempDir;

/// Below the state folder, which is the user's own.
const VALIDATIONS: &str = "validations";
const PREFIX: &str = "run-";
const LOCK: &str = "lock";

/// A folder that goes when it is dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    folder: TempDir,
    _lock: File,
}

impl Scratch {
    /// A new one; what dead processes left is cleared.
    pub(super) fn begin(state: &Path) -> io::Result<Self> {
        let all = state.join(VALIDATIONS);
        fs::create_dir_all(&all)?;
        let gate = lock(&all)?;
        gate.lock()?;
        clear(&all)?;
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&all)?;
        let lock = lock(folder.path())?;
        lock.lock()?;
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn lock(folder: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).append(true).create(true);
    options.open(folder.join(LOCK))
}

fn clear(all: &Path) -> io::Result<()> {
    for entry in fs::read_dir(all)? {
        let folder = entry?.path();
        let name = folder.file_name().unwrap_or_default();
        // What cannot be removed now is tried again by the next.
        if name.as_encoded_bytes().starts_with(PREFIX.as_bytes()) && is_left(&folder) {
            let _ = fs::remove_dir_all(&folder);
        }
    }
    Ok(())
}

/// Whether no process has it.
fn is_left(folder: &Path) -> bool {
    match File::open(folder.join(LOCK)) {
        Ok(lock) => !matches!(lock.try_lock(), Err(TryLockError::WouldBlock)),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::PathBuf;

    use super::*;

    fn folders(state: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(state.join(VALIDATIONS)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.is_dir()).collect()
    }

    #[test]
    fn what_dead_processes_left_is_cleared_and_living_ones_are_left_alone() {
        let state = tempfile::tempdir().unwrap();
        let all = state.path().join(VALIDATIONS);
        for dead in ["run-killed", "run-killed-at-once", "of somebody else"] {
            fs::create_dir_all(all.join(dead).join("store")).unwrap();
        }
        fs::write(all.join("run-killed").join(LOCK), "").unwrap();
        let first = Scratch::begin(state.path()).unwrap();
        let second = Scratch::begin(state.path()).unwrap();
        let mut expected = vec![
            all.join("of somebody else"),
            first.path().to_owned(),
            second.path().to_owned(),
        ];
        let mut found = folders(state.path());
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
        drop((first, second));
        assert_eq!(folders(state.path()), [all.join("of somebody else")]);
    }
}
