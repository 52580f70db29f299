//! What to run, with how much, seeing what.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::wire::{os_map, os_path, os_paths};

/// One command. Nothing is inherited from the host: not the environment, not descriptors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Absolute path of the program, then its arguments. Never read by a shell.
    pub argv: Vec<OsString>,
    /// The whole environment of the command.
    #[serde(with = "os_map")]
    pub env: BTreeMap<OsString, OsString>,
    /// Its working directory, absolute; `/` by default.
    #[serde(with = "os_path")]
    pub cwd: PathBuf,
    pub stdin: Input,
    pub stdout: Output,
    pub stderr: Output,
    pub limits: Limits,
    pub sandbox: Sandbox,
}

/// Where a command's standard input comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    #[default]
    Null,
    /// A file, opened outside the sandbox for the command.
    #[serde(with = "os_path")]
    File(PathBuf),
}

/// Where a command's standard output or error goes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    #[default]
    Discard,
    /// A new or truncated file of at most `max_bytes`: what is longer keeps its first and its last
    /// half, with a line between that says how much is gone.
    File {
        #[serde(with = "os_path")]
        path: PathBuf,
        max_bytes: u64,
    },
    /// A pipe to the host: [`crate::Running::take_stdout`], [`crate::Running::take_stderr`]. The
    /// host must read it, or the command stops when it is full.
    Pipe,
}

/// Bounds on a command. `None` is no bound.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Resident bytes of all processes together. Looked at ten times a second, so that the end has
    /// a name ([`crate::Reason::Memory`]); behind it stands `RLIMIT_DATA` per process, at twice
    /// this and 512 MiB more, for a leap between two looks. Not `RLIMIT_AS`: an encoder's threads
    /// reserve many times the address space that they ever touch.
    pub memory: Option<u64>,
    /// Largest file that may be written, in bytes (`RLIMIT_FSIZE`).
    pub file_size: Option<u64>,
    /// Open descriptors per process (`RLIMIT_NOFILE`).
    pub open_files: Option<u64>,
    /// Processes at one time, the command included. Threads do not count.
    pub processes: Option<u64>,
    /// CPU seconds per process (`RLIMIT_CPU`), rounded up to whole seconds.
    pub cpu: Option<Duration>,
    /// From start to end.
    pub wall: Option<Duration>,
}

/// What a command may touch beside the system's programs and libraries.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sandbox {
    pub strictness: Strictness,
    /// Files and directory trees to read. They must exist.
    #[serde(with = "os_paths")]
    pub read: Vec<PathBuf>,
    /// Files, FIFOs and directory trees to read, write, create and remove in. They must exist.
    #[serde(with = "os_paths")]
    pub write: Vec<PathBuf>,
    /// Programs and libraries outside the system directories, to read and execute.
    #[serde(with = "os_paths")]
    pub execute: Vec<PathBuf>,
    /// Sockets of any kind. Without it, no `socket(2)` at all, Unix sockets included.
    pub network: bool,
}

/// What happens when the kernel cannot confine a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strictness {
    /// The command does not start ([`crate::Error::Setup`]).
    #[default]
    Strict,
    /// It starts with what the kernel has; [`crate::Exit::confinement`] says what that was.
    BestEffort,
    /// No file or system-call confinement at all: for a command in a container that has its own.
    /// Limits, process cleanup and the loss of privileges stay.
    Off,
}

impl Spec {
    /// A strict command with no environment, no paths, no network, no limits, and no output kept.
    pub fn new<A: Into<OsString>>(
        program: impl Into<OsString>,
        args: impl IntoIterator<Item = A>,
    ) -> Self {
        let mut argv = vec![program.into()];
        argv.extend(args.into_iter().map(Into::into));
        Spec {
            argv,
            env: BTreeMap::new(),
            cwd: PathBuf::from("/"),
            stdin: Input::Null,
            stdout: Output::Discard,
            stderr: Output::Discard,
            limits: Limits::default(),
            sandbox: Sandbox::default(),
        }
    }
}

impl Output {
    /// A file of at most `max_bytes`.
    pub fn file(path: impl Into<PathBuf>, max_bytes: u64) -> Self {
        Output::File {
            path: path.into(),
            max_bytes,
        }
    }
}

impl Sandbox {
    /// Nothing but the system's programs and libraries.
    #[must_use]
    pub fn strict() -> Self {
        Sandbox::default()
    }

    /// Also read this file or tree.
    #[must_use]
    pub fn read(mut self, path: impl Into<PathBuf>) -> Self {
        self.read.push(path.into());
        self
    }

    /// Also write this file, FIFO or tree.
    #[must_use]
    pub fn write(mut self, path: impl Into<PathBuf>) -> Self {
        self.write.push(path.into());
        self
    }

    /// Also execute this program or those in this tree.
    #[must_use]
    pub fn execute(mut self, path: impl Into<PathBuf>) -> Self {
        self.execute.push(path.into());
        self
    }
}
