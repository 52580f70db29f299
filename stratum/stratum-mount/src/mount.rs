//! Mounting, and leaving no mount behind.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use fuser::{BackgroundSession, Config, MountOption, SessionACL};
use rustix::mount::{UnmountFlags, unmount};
use tracing::warn;

use crate::dead;
use crate::files::Files;
use crate::{Entry, Shown};

/// Enough to keep a few readers busy: reads are of local files, or answered later.
const THREADS: usize = 2;

/// A mounted folder. Dropping it unmounts, also under open files, and waits for the end of the
/// threads that serve it.
#[derive(Debug)]
pub struct Mount {
    at: PathBuf,
    session: Option<BackgroundSession>,
}

/// The folder could not be mounted.
#[derive(Debug, thiserror::Error)]
#[error("cannot mount frames at {at:?}: {source}; FUSE needs /dev/fuse and the right to mount")]
pub struct MountError {
    pub at: PathBuf,
    pub source: io::Error,
}

impl Mount {
    /// Mounts `entries` of `source` read-only at the existing folder `at`. A dead mount that a
    /// killed process left there is removed first.
    ///
    /// # Errors
    /// When this machine has no FUSE, the folder does not exist, or this process may not mount.
    pub fn new(at: &Path, source: File, entries: Vec<Entry>) -> Result<Self, MountError> {
        let modified = source.metadata().and_then(|metadata| metadata.modified());
        let modified = modified.map_err(|source| MountError {
            at: at.to_owned(),
            source,
        })?;
        Self::of(at, Arc::new(source), entries, modified)
    }

    /// The same of a source that is no file of this machine.
    ///
    /// # Errors
    /// As [`Mount::new`].
    pub fn of(
        at: &Path,
        source: Arc<dyn Shown>,
        entries: Vec<Entry>,
        modified: SystemTime,
    ) -> Result<Self, MountError> {
        let failed = |source| MountError {
            at: at.to_owned(),
            source,
        };
        dead::clear(at).map_err(failed)?;
        let files = Files::new(source, entries, modified);
        let session = fuser::spawn_mount(files, at, &config()).map_err(failed)?;
        Ok(Mount {
            at: at.to_owned(),
            session: Some(session),
        })
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.at
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // First from the tree, whoever still has files open, so that the name is free at once.
        let _ = unmount(&self.at, UnmountFlags::DETACH);
        let ended = self.session.take().map(BackgroundSession::umount_and_join);
        if let Some(Err(error)) = ended {
            warn!(at = ?self.at, %error, "the end of a frame mount");
        }
    }
}

fn config() -> Config {
    let mut config = Config::default();
    config.mount_options = vec![
        MountOption::RO,
        MountOption::NoDev,
        MountOption::NoSuid,
        MountOption::NoExec,
        MountOption::NoAtime,
        MountOption::FSName(dead::NAME.into()),
        MountOption::Subtype("frames".into()),
    ];
    // A function in a container is another user; the folder above decides who comes here.
    if rustix::process::geteuid().is_root() {
        config.acl = SessionACL::All;
    }
    config.n_threads = Some(THREADS);
    config.clone_fd = true;
    config
}
