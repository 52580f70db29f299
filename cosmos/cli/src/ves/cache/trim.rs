//! Making room. Nobody relies on the cache meanwhile: [`Alone`] says so.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use blob::Value;
use buffa::Message;
use proto::base::v1 as wire;
use serde::Serialize;

use super::files::{self, Kept};
use super::in_use::Alone;
use super::jobs;

/// The folder of the blob store, below the state folder.
pub(crate) const CACHE: &str = "cache";
/// Bytes that are kept when nobody says otherwise.
pub(crate) const MAX_BYTES: u64 = 20 << 30;

/// What may stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub max_bytes: u64,
    /// What was not used for longer goes, however small the cache is.
    pub older_than: Option<Duration>,
    /// What was used since stays, however large the cache is.
    pub younger_than: Duration,
}

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Removed {
    pub blobs: u64,
    pub bytes: u64,
    pub memos: u64,
    /// Encodes that begin anew.
    pub unfinished: u64,
}

/// The blob store's parts.
pub(crate) struct Areas {
    pub blobs: PathBuf,
    pub memos: PathBuf,
    pub staging: PathBuf,
}

impl Areas {
    pub(crate) fn of(state: &Path) -> Self {
        let cache = state.join(CACHE);
        Self {
            blobs: cache.join("sha256"),
            memos: cache.join("memo"),
            staging: cache.join("staging"),
        }
    }
}

/// Removes what is beyond the limits, the longest unused first. An encode that was not finished
/// may rely on any of it, so where something is removed, it begins anew.
pub(crate) fn trim(state: &Path, limits: Limits, _alone: &Alone) -> io::Result<Removed> {
    let areas = Areas::of(state);
    let goes = beyond(files::below(&areas.blobs), limits);
    if goes.is_empty() {
        return Ok(Removed::default());
    }
    // First, so that after a kill nothing relies on what is gone.
    let unfinished = forget_unfinished(state)?;
    goes.iter()
        .try_for_each(|file| fs::remove_file(&file.path))?;
    Ok(Removed {
        blobs: goes.len() as u64,
        bytes: goes.iter().map(|file| file.bytes).sum(),
        memos: forget_dangling(&areas)?,
        unfinished,
    })
}

/// What is beyond the limits. Files come with the longest unused first.
fn beyond(files: Vec<Kept>, limits: Limits) -> Vec<Kept> {
    let mut bytes: u64 = files.iter().map(|file| file.bytes).sum();
    let goes = |file: &Kept| {
        let unused = file.unused_for();
        let old = limits.older_than.is_some_and(|age| unused > age);
        let goes = (old || bytes > limits.max_bytes) && unused >= limits.younger_than;
        bytes -= if goes { file.bytes } else { 0 };
        goes
    };
    files.into_iter().filter(goes).collect()
}

/// Removes everything.
pub(crate) fn clear(state: &Path, _alone: &Alone) -> io::Result<Removed> {
    let areas = Areas::of(state);
    let blobs = files::below(&areas.blobs);
    let removed = Removed {
        blobs: blobs.len() as u64,
        bytes: blobs.iter().map(|file| file.bytes).sum(),
        memos: files::below(&areas.memos).len() as u64,
        unfinished: forget_unfinished(state)?,
    };
    for area in [areas.blobs, areas.memos, areas.staging] {
        match fs::remove_dir_all(area) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(removed)
}

fn forget_unfinished(state: &Path) -> io::Result<u64> {
    let unfinished = jobs::unfinished(state);
    let idle = unfinished.iter().filter(|job| !job.running);
    let mut count = 0;
    for job in idle {
        jobs::forget(&job.folder)?;
        count += 1;
    }
    Ok(count)
}

/// Removes what is remembered of blobs that are gone.
fn forget_dangling(areas: &Areas) -> io::Result<u64> {
    let mut count = 0;
    for memo in files::below(&areas.memos) {
        if !is_whole(&memo.path, &areas.blobs) {
            fs::remove_file(&memo.path)?;
            count += 1;
        }
    }
    Ok(count)
}

/// Whether the blobs that a memo names are there. A memo is a digest, then a value.
fn is_whole(memo: &Path, blobs: &Path) -> bool {
    let named = || {
        let bytes = fs::read(memo).ok()?;
        let (_, value) = bytes.split_at_checked(32)?;
        Value::try_from(wire::Value::decode_from_slice(value).ok()?).ok()
    };
    named().is_some_and(|value| {
        let mut digests = value.blobs.iter().map(|named| named.blob.digest.to_hex());
        digests.all(|hex| blobs.join(&hex[..2]).join(&hex[2..]).exists())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs::{File, FileTimes};
    use std::time::UNIX_EPOCH;

    use blob::{BlobRef, BlobStore, Digest, LocalBlobs, NamedBlob};
    use tempfile::TempDir;

    use super::*;
    use crate::ves::cache::jobs::Note;

    const DAY: Duration = Duration::from_secs(86_400);

    struct World(TempDir, Vec<BlobRef>);

    impl World {
        /// Three remembered blobs of 8 KiB, the first used longest ago, and an unfinished encode.
        async fn new() -> Self {
            let state = tempfile::tempdir().unwrap();
            let store = LocalBlobs::open("local", &state.path().join(CACHE)).unwrap();
            let mut blobs = Vec::new();
            for n in 0..3u8 {
                let blob = store.put(vec![n; 8_192].into(), "x/y").await.unwrap();
                let value = Value {
                    blobs: vec![NamedBlob {
                        name: "chunk".into(),
                        blob: blob.clone(),
                    }],
                    ..Value::default()
                };
                let memo = wire::Value::from(value).encode_to_vec();
                let key = Digest::of(&[n]);
                store.memo_put(key, memo.into()).await.unwrap();
                age(state.path(), &blob, 1_000 + u64::from(n));
                blobs.push(blob);
            }
            let job = state.path().join("jobs").join("a".repeat(32));
            let note = Note {
                input: "in".into(),
                output: "out".into(),
                began_unix_ms: 0,
            };
            jobs::leave_note(&job, &note).unwrap();
            fs::create_dir(job).unwrap();
            Self(state, blobs)
        }

        fn trim(&self, max_bytes: u64, older_than: Option<Duration>, young: Duration) -> Removed {
            let alone = Alone::try_begin(self.0.path()).unwrap().unwrap();
            let limits = Limits {
                max_bytes,
                older_than,
                younger_than: young,
            };
            trim(self.0.path(), limits, &alone).unwrap()
        }

        fn kept(&self) -> Vec<usize> {
            let there = |blob: &BlobRef| path(self.0.path(), blob).exists();
            (0..3).filter(|n| there(&self.1[*n])).collect()
        }
    }

    fn path(state: &Path, blob: &BlobRef) -> PathBuf {
        let hex = blob.digest.to_hex();
        Areas::of(state).blobs.join(&hex[..2]).join(&hex[2..])
    }

    fn age(state: &Path, blob: &BlobRef, seconds: u64) {
        let then = UNIX_EPOCH + Duration::from_secs(seconds);
        let times = FileTimes::new().set_accessed(then).set_modified(then);
        let file = File::open(path(state, blob)).unwrap();
        file.set_times(times).unwrap();
    }

    #[tokio::test]
    async fn what_was_not_used_for_longest_goes_first_and_what_relied_on_it_with_it() {
        let world = World::new().await;
        assert_eq!(world.trim(1 << 30, None, DAY), Removed::default());
        let removed = world.trim(16 << 10, None, DAY);
        assert_eq!(
            (removed.blobs, removed.memos, removed.unfinished),
            (1, 1, 1)
        );
        assert_eq!(world.kept(), [1, 2]);
        assert!(jobs::unfinished(world.0.path()).is_empty());
    }

    #[tokio::test]
    async fn age_counts_however_small_the_cache_is_and_youth_however_large() {
        let world = World::new().await;
        let removed = world.trim(0, None, DAY * 1_000_000);
        assert_eq!((removed, world.kept()), (Removed::default(), vec![0, 1, 2]));
        let removed = world.trim(1 << 30, Some(DAY), Duration::ZERO);
        assert_eq!((removed.blobs, removed.memos), (3, 3));
    }

    #[tokio::test]
    async fn clearing_leaves_a_cache_that_can_be_used_again() {
        let world = World::new().await;
        let state = world.0.path();
        fs::write(state.join("mine.txt"), "not ours").unwrap();
        let alone = Alone::try_begin(state).unwrap().unwrap();
        let removed = clear(state, &alone).unwrap();
        assert_eq!(
            (removed.blobs, removed.memos, removed.unfinished),
            (3, 3, 1)
        );
        assert_eq!(clear(state, &alone).unwrap(), Removed::default());
        assert!(state.join("mine.txt").exists());
        LocalBlobs::open("local", &state.join(CACHE)).unwrap();
    }
}
