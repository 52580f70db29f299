//! Files that survive a power cut: names, directories and the syncing of both.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::{BlobError, Digest};

pub(super) const BLOBS: &str = "sha256";
pub(super) const MEMOS: &str = "memo";
pub(super) const STAGING: &str = "staging";

/// Nobody writes a published file again.
const READ_ONLY: u32 = 0o444;

/// Says what was being done to which path.
pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BlobError {
    let path = path.to_owned();
    move |source| BlobError::Io {
        action,
        path,
        source,
    }
}

/// The store's directories, durably. All shards are made here, so that publishing
/// has but one directory to sync.
pub(super) fn create_tree(root: &Path) -> Result<(), BlobError> {
    fs::create_dir_all(root).map_err(io("create", root))?;
    for area in [BLOBS, MEMOS] {
        let area = root.join(area);
        create_dir(&area, 0o755)?;
        (0..=255).try_for_each(|shard| create_dir(&area.join(format!("{shard:02x}")), 0o755))?;
        sync_dir(&area)?;
    }
    // Others may pass through, to reach what a function is given, but not look around.
    create_dir(&root.join(STAGING), 0o711)?;
    sync_dir(root)?;
    root.parent().map_or(Ok(()), sync_dir)
}

/// Creates a directory; one that is there is as good.
pub(super) fn create_dir(path: &Path, mode: u32) -> Result<(), BlobError> {
    match DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(io("create directory", path)(error))
        }
        _ => Ok(()),
    }
}

/// Where the thing of this digest is: 256 directories share the load.
pub(super) fn sharded(area: &Path, digest: Digest) -> PathBuf {
    let hex = digest.to_hex();
    let (shard, rest) = hex.split_at(2);
    area.join(shard).join(rest)
}

/// Puts the names in a directory on stable storage.
pub(super) fn sync_dir(path: &Path) -> Result<(), BlobError> {
    // The parent of a relative path of one part is spelled "".
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    let directory = File::open(path).map_err(io("open", path))?;
    directory.sync_all().map_err(io("sync", path))
}

/// A new file of this process alone.
pub(super) fn create_new(path: &Path) -> Result<File, BlobError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(path).map_err(io("create", path))
}

/// Makes a finished file read-only and puts it on stable storage.
pub(super) fn seal(file: &File, path: &Path) -> Result<(), BlobError> {
    let read_only = Permissions::from_mode(READ_ONLY);
    file.set_permissions(read_only)
        .map_err(io("protect", path))?;
    file.sync_all().map_err(io("sync", path))
}

/// Writes a sealed file.
pub(super) fn write_sealed(path: &Path, parts: &[&[u8]]) -> Result<(), BlobError> {
    let mut file = create_new(path)?;
    let mut write = || parts.iter().try_for_each(|part| file.write_all(part));
    write().map_err(io("write", path))?;
    seal(&file, path)
}

/// Gives the sealed file at `from` the name `to`, durably, unless that name is
/// taken by something `sound`, which is touched. `from` is gone afterwards.
pub(super) fn keep(from: &Path, to: &Path, sound: impl FnOnce() -> bool) -> Result<(), BlobError> {
    let staying = Names::stay(to)?;
    match fs::hard_link(from, to) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if sound() {
                touch(to)?;
            } else {
                tracing::warn!(path = %to.display(), "a damaged file is replaced");
                fs::rename(from, to).map_err(io("replace", to))?;
            }
        }
        Err(error) => return Err(io("publish", to)(error)),
    }
    drop(staying);
    remove_if_there(from)?;
    // Also when the name was taken: whoever took it may not have come to this line yet.
    to.parent().map_or(Ok(()), sync_dir)
}

/// The file was last written now, and that is on stable storage.
pub(super) fn touch(path: &Path) -> Result<(), BlobError> {
    let file = File::open(path).map_err(io("open", path))?;
    let now = rustix::fs::Timespec {
        tv_sec: 0,
        tv_nsec: rustix::fs::UTIME_NOW,
    };
    let both = rustix::fs::Timestamps {
        last_access: now,
        last_modification: now,
    };
    let touched = rustix::fs::futimens(&file, &both);
    touched.map_err(|error| io("touch", path)(error.into()))?;
    file.sync_all().map_err(io("sync", path))
}

/// The names of a directory: any number of processes see to it together that none goes, or
/// one, alone, removes some. The kernel takes the right back when the process ends.
#[derive(Debug)]
pub(super) struct Names {
    _directory: File,
}

impl Names {
    /// As long as this lives, the file at `path` does not go.
    pub(super) fn stay(path: &Path) -> Result<Self, BlobError> {
        Self::of(path, File::lock_shared)
    }

    /// As long as this lives, the file at `path` is neither put nor touched.
    pub(super) fn go(path: &Path) -> Result<Self, BlobError> {
        Self::of(path, File::lock)
    }

    fn of(path: &Path, lock: impl Fn(&File) -> io::Result<()>) -> Result<Self, BlobError> {
        let directory = path.parent().unwrap_or(path);
        let file = File::open(directory).map_err(io("open", directory))?;
        lock(&file).map_err(io("lock", directory))?;
        Ok(Self { _directory: file })
    }
}

/// Removes the file at `path`, one that is not there too.
pub(super) fn remove_if_there(path: &Path) -> Result<(), BlobError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io("remove", path)(error)),
        _ => Ok(()),
    }
}
