//! Who uses the cache now: encodes share a lock, what removes holds it alone.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

const LOCK: &str = "lock";

/// The right to rely on what the cache holds, as long as it lives; the kernel takes it back when
/// the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct InUse {
    _lock: File,
}

/// The right to remove, while nobody relies on anything.
#[derive(Debug)]
pub(crate) struct Alone {
    _lock: File,
}

impl InUse {
    /// For an encode; waits while something is being removed, which takes moments.
    pub(crate) fn begin(state: &Path) -> io::Result<Self> {
        let lock = open(state)?;
        lock.lock_shared()?;
        Ok(Self { _lock: lock })
    }
}

impl Alone {
    /// `None` while an encode runs.
    pub(crate) fn try_begin(state: &Path) -> io::Result<Option<Self>> {
        let lock = open(state)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

fn open(state: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).append(true).create(true);
    options.open(state.join(LOCK))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn encodes_share_and_removal_waits_for_all_of_them() {
        let state = tempfile::tempdir().unwrap();
        let alone = || Alone::try_begin(state.path()).unwrap();
        let first = InUse::begin(state.path()).unwrap();
        let second = InUse::begin(state.path()).unwrap();
        assert!(alone().is_none());
        drop(first);
        assert!(alone().is_none());
        drop(second);
        let removing = alone().unwrap();
        assert!(alone().is_none());
        drop(removing);
        InUse::begin(state.path()).unwrap();
    }
}
