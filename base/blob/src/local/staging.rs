//! Where files lie before they are published.
//!
//! Every open store has a directory of its own below `staging`, and beside it a
//! lock file that it holds locked. The kernel drops the lock when the process
//! ends, however it ends; what is not locked is nobody's and may be swept.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::files::{create_dir, create_new, io as failed};
use crate::{BlobError, Digest};

const LOCK: &str = "lock";
/// Tries to remove a tree that somebody still writes into.
const REMOVALS: usize = 5;
/// Longest key that becomes part of a name as it is.
const KEY_LENGTH: usize = 80;

#[derive(Debug)]
pub(super) struct Staging {
    /// `staging` itself.
    area: PathBuf,
    /// Ours in it.
    own: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
}

impl Staging {
    /// A directory of our own. The lock comes first: a directory without one is debris.
    pub(super) fn claim(area: &Path) -> Result<Self, BlobError> {
        loop {
            let own = area.join(Uuid::now_v7().to_string());
            let Some(lock) = lock_new(&own.with_extension(LOCK))? else {
                continue;
            };
            create_dir(&own, 0o711)?;
            return Ok(Self {
                area: area.to_owned(),
                own,
                _lock: lock,
            });
        }
    }

    /// The name of a file that does not exist yet.
    pub(super) fn file(&self) -> PathBuf {
        self.own.join(format!("put-{}", Uuid::now_v7()))
    }

    /// A new directory that carries `key` in its name.
    pub(super) fn directory(&self, key: &str) -> Result<PathBuf, BlobError> {
        let name = format!("{}-{}", plain(key), Uuid::now_v7());
        let path = self.own.join(name);
        create_dir(&path, 0o700)?;
        Ok(path)
    }

    pub(super) fn discard(&self, path: &Path) -> Result<(), BlobError> {
        match self.inside(path) {
            Ok(path) => remove_tree(&path),
            Err(_) if !path.exists() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The real path of a file in our directory, with no link on the way to it.
    pub(super) fn inside(&self, path: &Path) -> Result<PathBuf, BlobError> {
        let outside = || BlobError::NotPublishable {
            path: path.to_owned(),
            problem: "it is not in the staging area of this store",
        };
        let name = path.file_name().ok_or_else(outside)?;
        let parent = path.parent().ok_or_else(outside)?;
        let parent = parent.canonicalize().map_err(failed("resolve", parent))?;
        let inside = parent.starts_with(&self.own);
        inside.then(|| parent.join(name)).ok_or_else(outside)
    }

    /// Removes what dead processes left; how many there were.
    pub(super) fn sweep(&self) -> Result<usize, BlobError> {
        let entries = fs::read_dir(&self.area).map_err(failed("list", &self.area))?;
        let mut swept = 0;
        for entry in entries {
            let path = entry.map_err(failed("list", &self.area))?.path();
            swept += usize::from(self.sweep_one(&path.with_extension(""))?);
        }
        Ok(swept)
    }

    fn sweep_one(&self, directory: &Path) -> Result<bool, BlobError> {
        let lock_path = directory.with_extension(LOCK);
        if directory == self.own {
            return Ok(false);
        }
        let lock = match File::open(&lock_path) {
            Ok(lock) => Some(lock),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed("open", &lock_path)(error)),
        };
        if lock.as_ref().is_some_and(|lock| lock.try_lock().is_err()) {
            return Ok(false);
        }
        // The lock file goes last, so that a sweep cut short is taken up again.
        let existed = directory.exists();
        remove_tree(directory)?;
        remove_file(&lock_path)?;
        Ok(existed)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What remains is swept by the next one.
        let _ = remove_tree(&self.own);
        let _ = remove_file(&self.own.with_extension(LOCK));
    }
}

/// A new file, locked; `None` when a sweep took it for debris in between.
fn lock_new(path: &Path) -> Result<Option<File>, BlobError> {
    let lock = create_new(path)?;
    if lock.try_lock().is_err() {
        return Ok(None);
    }
    let links = lock.metadata().map_err(failed("read", path))?.nlink();
    Ok((links > 0).then_some(lock))
}

/// The key where it is a plain name, else its hash.
fn plain(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !key.is_empty() && key.len() <= KEY_LENGTH && key.chars().all(plain) {
        key.to_owned()
    } else {
        Digest::of(key.as_bytes()).to_hex()
    }
}

fn remove_file(path: &Path) -> Result<(), BlobError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Removes a tree, also when its writer is only just dying or locked directories.
fn remove_tree(path: &Path) -> Result<(), BlobError> {
    for _ in 1..REMOVALS {
        match fs::remove_dir_all(path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => open_up(path),
            Err(_) => {}
        }
    }
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failed("remove directory", path)(error))
        }
        _ => Ok(()),
    }
}

/// Makes the directories of a tree removable, as far as we may.
fn open_up(path: &Path) {
    let _ = fs::set_permissions(path, Permissions::from_mode(0o700));
    let Ok(entries) = fs::read_dir(path) else {
        return;
    };
    let directories = entries.flatten().filter(|entry| {
        let kind = entry.file_type();
        kind.is_ok_and(|kind| kind.is_dir())
    });
    directories.for_each(|entry| open_up(&entry.path()));
}
