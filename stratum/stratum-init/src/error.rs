//! What can go wrong around a command, as opposed to in it.

use std::io;
use std::path::PathBuf;

/// A command could not be started or observed. How a command itself ended is an [`crate::Exit`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The `cosmos-init` program was in none of the known places.
    #[error(
        "cosmos-init was not found beside {looked_beside:?} or its parent; install it there, \
         or name it in COSMOS_INIT"
    )]
    InitNotFound { looked_beside: PathBuf },
    /// `cosmos-init` itself could not be started.
    #[error("cannot start {init:?}: {source}")]
    Start { init: PathBuf, source: io::Error },
    /// The specification cannot be carried out.
    #[error("invalid command specification: {0}")]
    Spec(String),
    /// The command, its sandbox, limits, or files could not be set up; nothing of it has run.
    #[error("cannot set up {program:?}: {message}")]
    Setup { program: String, message: String },
    /// `cosmos-init` ended without a report (killed, or the host ran out of memory). Its command's
    /// process group was killed.
    #[error("cosmos-init ended without a report ({status})")]
    InitDied { status: String },
    /// A container engine could not do what was asked, for this reason.
    #[error("{0}")]
    Engine(String),
    /// The conversation with `cosmos-init` broke.
    #[error("control socket of cosmos-init: {0}")]
    Control(#[from] io::Error),
}
