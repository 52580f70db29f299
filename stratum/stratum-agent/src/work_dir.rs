//! The directory of one attempt.
//!
//! ```text
//! work/params.json      what the function is asked to do
//! work/input/…          what it reads
//! work/output/…         what it writes
//! work/tmp/             its scratch space
//! stdout, stderr        what it said; in a sandbox out of its reach
//! control/              in a container, where its first process finds the host
//! frames.y4m            what was decoded for it, where it reads files of single frames
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use errors::Error;

use crate::context::Context;

/// Unique to one attempt: two attempts of an invocation never meet.
#[derive(Debug)]
pub(crate) struct WorkDir(PathBuf);

impl WorkDir {
    pub(crate) async fn create(context: &Context, key: &str) -> Result<Self, Error> {
        let attempt = context.blobs.home().staging(key).await;
        let work_dir = Self(attempt.map_err(|error| staging(&error))?);
        for directory in [
            work_dir.root(),
            work_dir.input(),
            work_dir.output(),
            work_dir.scratch(),
        ] {
            fs::create_dir(&directory).map_err(|error| io("create", &directory, &error))?;
        }
        Ok(work_dir)
    }

    pub(crate) async fn discard(self, context: &Context) {
        if let Err(error) = context.blobs.home().discard(&self.0).await {
            tracing::warn!(%error, "a working directory was left behind");
        }
    }

    /// What the function sees as its own.
    pub(crate) fn root(&self) -> PathBuf {
        self.0.join("work")
    }

    pub(crate) fn input(&self) -> PathBuf {
        self.root().join("input")
    }

    pub(crate) fn output(&self) -> PathBuf {
        self.root().join("output")
    }

    pub(crate) fn scratch(&self) -> PathBuf {
        self.root().join("tmp")
    }

    pub(crate) fn stdout(&self) -> PathBuf {
        self.0.join("stdout")
    }

    pub(crate) fn stderr(&self) -> PathBuf {
        self.0.join("stderr")
    }

    pub(crate) fn control(&self) -> PathBuf {
        self.0.join("control")
    }

    pub(crate) fn decoded(&self) -> PathBuf {
        self.0.join("frames.y4m")
    }

    pub(crate) fn write_params(&self, json: &[u8]) -> Result<(), Error> {
        let path = self.root().join("params.json");
        fs::write(&path, json).map_err(|error| io("write", &path, &error))
    }

    /// As it was before the function ran: for another try within the same attempt.
    pub(crate) fn clear(&self) -> Result<(), Error> {
        for directory in [self.output(), self.scratch()] {
            let remade = fs::remove_dir_all(&directory).and_then(|()| fs::create_dir(&directory));
            remade.map_err(|error| io("clear", &directory, &error))?;
        }
        Ok(())
    }
}

/// The staging area of the host failed.
pub(crate) fn staging(error: &dyn std::fmt::Display) -> Error {
    Error::platform("STAGING_FAILED", format!("cannot stage files: {error}"))
}

/// A file of the staging area failed.
pub(crate) fn io(action: &str, path: &Path, error: &std::io::Error) -> Error {
    staging(&format!("{action} {}: {error}", path.display()))
}
