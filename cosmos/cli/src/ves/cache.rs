//! The chunk cache: what is kept so that an equal chunk is never encoded twice, and what is not.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Bytes that may be kept.
const MAX_BYTES: u64 = 20 << 30;

/// What is younger may belong to a run that goes on.
const GRACE: Duration = Duration::from_secs(2 * 86_400);

/// Removes the oldest blobs until the cache is within its bounds. A blob that is missing
/// is made again, so nothing is lost but time.
pub(super) fn trim(blobs: &Path) {
    let mut files = files(&blobs.join("sha256"));
    let mut bytes: u64 = files.iter().map(|file| file.bytes).sum();
    files.sort_by_key(|file| file.used);
    for file in files {
        if bytes <= MAX_BYTES || file.is_young() {
            return;
        }
        if fs::remove_file(&file.path).is_ok() {
            bytes -= file.bytes;
        }
    }
}

struct Kept {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

impl Kept {
    #[expect(
        clippy::disallowed_methods,
        reason = "the age of files is measured by the clock that stamped them"
    )]
    fn is_young(&self) -> bool {
        self.used.elapsed().is_ok_and(|age| age < GRACE)
    }
}

fn files(root: &Path) -> Vec<Kept> {
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

/// Removes the state of an encode that is done, durably.
pub(super) fn forget(job: &Path) -> std::io::Result<()> {
    fs::remove_dir_all(job)?;
    job.parent()
        .map_or(Ok(()), |jobs| File::open(jobs)?.sync_all())
}
