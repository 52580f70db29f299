//! What lies in the cache.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A file that is kept.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub path: PathBuf,
    /// On the disk.
    pub bytes: u64,
    used: SystemTime,
}

impl Kept {
    /// How long ago it was last read or written.
    #[expect(
        clippy::disallowed_methods,
        reason = "the age of files is measured by the clock that stamped them"
    )]
    pub(crate) fn unused_for(&self) -> Duration {
        self.used.elapsed().unwrap_or_default()
    }
}

/// Every file below a folder, links not followed, the one that was not used for longest first.
pub(crate) fn below(root: &Path) -> Vec<Kept> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => folders.push(entry.path()),
                Ok(meta) => found.extend(kept(entry.path(), &meta)),
                Err(_) => {}
            }
        }
    }
    found.sort_by_key(|file| file.used);
    found
}

fn kept(path: PathBuf, meta: &fs::Metadata) -> Option<Kept> {
    let used = meta
        .accessed()
        .or_else(|_| meta.modified())
        .ok()?
        .max(meta.modified().ok()?);
    Some(Kept {
        path,
        bytes: meta.blocks() * 512,
        used,
    })
}
