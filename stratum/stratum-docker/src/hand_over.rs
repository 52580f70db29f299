//! Files of the host, given to the user that a container runs as.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::path::Path;

use stratum_init::{Output, Spec};

use crate::EngineError;
use crate::error::file;

/// Whom functions run as where the host is root.
const NOBODY: u32 = 65_534;
/// The bit by which everybody may read a file.
const ALL_READ: u32 = 0o004;

/// The user of containers: nobody, or the host's own where that has no rights to give away.
#[derive(Clone, Copy, Debug)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Whether files must be given to it first.
    other: bool,
}

impl User {
    pub(crate) fn of_this_host() -> Self {
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        match uid.is_root() {
            true => Self {
                uid: NOBODY,
                gid: NOBODY,
                other: true,
            },
            false => Self {
                uid: uid.as_raw(),
                gid: gid.as_raw(),
                other: false,
            },
        }
    }

    /// Makes the logs, and gives away what was made for the command: not what is another's too,
    /// such as an input that is a hard link to a blob.
    pub(crate) fn take(self, spec: &Spec) -> Result<(), EngineError> {
        for output in [&spec.stdout, &spec.stderr] {
            if let Output::File { path, .. } = output {
                File::create(path).map_err(file(path))?;
                self.own(path)?;
            }
        }
        self.take_tree(&spec.cwd)?;
        spec.sandbox
            .read
            .iter()
            .try_for_each(|path| self.reads(path))
    }

    pub(crate) fn own(self, path: &Path) -> Result<(), EngineError> {
        match self.other {
            true => lchown(path, Some(self.uid), Some(self.gid)).map_err(file(path)),
            false => Ok(()),
        }
    }

    fn take_tree(self, path: &Path) -> Result<(), EngineError> {
        let found = fs::symlink_metadata(path).map_err(file(path))?;
        if found.is_dir() {
            for entry in fs::read_dir(path).map_err(file(path))? {
                self.take_tree(&entry.map_err(file(path))?.path())?;
            }
        }
        match is_ours_alone(&found) {
            true => self.own(path),
            false => Ok(()),
        }
    }

    /// Says here, not in a function's words, that a file is its owner's secret.
    fn reads(self, path: &Path) -> Result<(), EngineError> {
        let found = fs::metadata(path).map_err(file(path))?;
        if !self.other || found.uid() == self.uid || found.mode() & ALL_READ != 0 {
            return Ok(());
        }
        let mode = found.permissions().mode() & 0o777;
        let why = format!("containers run as nobody, who may not read it (mode {mode:03o})");
        Err(file(path)(io::Error::other(why)))
    }
}

fn is_ours_alone(found: &Metadata) -> bool {
    found.is_dir() || (!found.is_symlink() && found.nlink() == 1)
}
