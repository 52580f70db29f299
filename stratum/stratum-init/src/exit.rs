//! How a command ended, and what it used.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The end of a command, with what it and all its descendants used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exit {
    pub status: Status,
    /// Why it ended; tells a limit or a kill from the command's own doing.
    pub reason: Reason,
    /// CPU time in user mode, of the command and every reaped descendant.
    pub user_cpu: Duration,
    /// CPU time in the kernel, likewise.
    pub system_cpu: Duration,
    /// From start to end.
    pub wall: Duration,
    /// Largest resident set of a single process, in bytes.
    pub max_rss: u64,
    /// Largest resident sum over all processes that was seen at one look (10 a second), in bytes.
    pub peak_memory: u64,
    /// Bytes of standard output that its cap discarded.
    pub stdout_dropped: u64,
    /// Bytes of standard error that its cap discarded.
    pub stderr_dropped: u64,
    pub confinement: Confinement,
}

/// What `wait(2)` said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The exit code, 0 to 255.
    Code(i32),
    /// The number of the signal that ended it.
    Signal(i32),
}

/// Why a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// By itself: exit code or a signal of its own making (a crash).
    Ended,
    /// The host asked for it.
    Killed,
    /// `limits.wall` passed.
    WallTime,
    /// `limits.cpu` was used up.
    CpuTime,
    /// It needed more than `limits.memory`.
    Memory,
    /// It wrote a file larger than `limits.file_size`.
    FileSize,
    /// It had more processes than `limits.processes`.
    Processes,
}

/// What of the sandbox was in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// Files outside the declared paths could not be opened (Landlock).
    pub files: bool,
    /// Signals and abstract sockets did not reach other processes (Landlock ABI 6, Linux 6.12).
    pub scoped: bool,
    /// Sockets, unless the network was asked for, and administrative calls were refused (seccomp).
    pub syscalls: bool,
}

impl Exit {
    /// An end of which nothing else is known: nothing was measured, and nothing confined it.
    #[must_use]
    pub fn unmeasured(status: Status, reason: Reason) -> Self {
        Self {
            status,
            reason,
            user_cpu: Duration::ZERO,
            system_cpu: Duration::ZERO,
            wall: Duration::ZERO,
            max_rss: 0,
            peak_memory: 0,
            stdout_dropped: 0,
            stderr_dropped: 0,
            confinement: Confinement {
                files: false,
                scoped: false,
                syscalls: false,
            },
        }
    }

    /// Ended by itself with exit code 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.status == Status::Code(0) && self.reason == Reason::Ended
    }

    /// User and system CPU time together.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        self.user_cpu + self.system_cpu
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            Reason::Ended => write!(f, "{}", self.status),
            reason => write!(f, "{reason} ({})", self.status),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Status::Code(code) => write!(f, "exit code {code}"),
            Status::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Ended => "ended",
            Reason::Killed => "killed on request",
            Reason::WallTime => "wall time limit",
            Reason::CpuTime => "CPU time limit",
            Reason::Memory => "memory limit",
            Reason::FileSize => "file size limit",
            Reason::Processes => "process limit",
        })
    }
}
