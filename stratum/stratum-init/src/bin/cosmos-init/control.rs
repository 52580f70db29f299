//! The socket to the host.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::stdio::{dup2_stdin, stdin};
use stratum_init::Spec;
use stratum_init::wire::{FromInit, MAX_LINE, ToInit};

use crate::lines::{Lines, More};

/// Above every descriptor that a command is given.
const FIRST_OWN: i32 = 10;

pub(crate) struct Control {
    stream: UnixStream,
    lines: Lines,
}

/// What the host wants.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Nothing,
    Kill,
    /// It is gone: there is nobody to report to.
    Gone,
}

impl Control {
    /// Moves the socket away from descriptor 0, which becomes `/dev/null`.
    pub(crate) fn inherit() -> io::Result<Self> {
        let control = Self::at(fcntl_dupfd_cloexec(stdin(), FIRST_OWN)?);
        control.stream.peer_addr()?;
        dup2_stdin(std::fs::File::open("/dev/null")?)?;
        Ok(control)
    }

    /// Calls the host at a socket: in a container, which inherits nothing.
    pub(crate) fn call(path: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(path)?;
        Ok(Self::at(fcntl_dupfd_cloexec(stream, FIRST_OWN)?))
    }

    fn at(socket: OwnedFd) -> Self {
        Control {
            stream: UnixStream::from(socket),
            lines: Lines::new(MAX_LINE),
        }
    }

    /// Blocks for the first line. The host sends nothing more before it was answered.
    pub(crate) fn spec(&mut self) -> Result<Spec, String> {
        let mut first = None;
        while first.is_none() {
            let more = self.lines.read(&self.stream, |line| {
                first.get_or_insert(serde_json::from_slice(line));
            });
            if more == More::Never {
                return Err("the host closed the control socket".into());
            }
        }
        let spec = first.ok_or("no specification")?;
        spec.map_err(|e| format!("unreadable specification: {e}"))
    }

    /// Reads what has arrived, without waiting.
    pub(crate) fn wish(&mut self) -> Wish {
        if self.stream.set_nonblocking(true).is_err() {
            return Wish::Gone;
        }
        let mut kill = false;
        let more = self.lines.read(&self.stream, |line| {
            kill |= matches!(serde_json::from_slice(line), Ok(ToInit::Kill));
        });
        match (more, kill) {
            (More::Never, _) => Wish::Gone,
            (More::Later, true) => Wish::Kill,
            (More::Later, false) => Wish::Nothing,
        }
    }

    /// Sends, waiting for a host that is slow to read.
    pub(crate) fn send(&mut self, message: &FromInit) -> io::Result<()> {
        self.stream.set_nonblocking(false)?;
        self.write(message)
    }

    /// Sends if there is room: for what the next message makes stale anyway.
    pub(crate) fn offer(&mut self, message: &FromInit) {
        if self.stream.set_nonblocking(true).is_ok() {
            // A line is far smaller than the socket's buffer: it goes whole or not at all.
            let _ = self.write(message);
        }
    }

    fn write(&mut self, message: &FromInit) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        self.stream.write_all(&line)
    }
}

impl AsFd for Control {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
