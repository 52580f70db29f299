//! A command's output, kept in a file of bounded size.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::{Errno, read};

use crate::lines::More;

/// The tail is held in memory, so it is bounded even where the cap is not.
const LARGEST_TAIL: u64 = 1 << 20;

/// One output stream on its way to a file: the first half of the bytes allowed goes there at once,
/// the last half is kept in memory until the end.
pub(crate) struct CappedLog {
    pipe: OwnedFd,
    file: File,
    open: bool,
    head_room: usize,
    tail: VecDeque<u8>,
    tail_room: usize,
    dropped: u64,
}

impl CappedLog {
    /// `pipe` is the non-blocking reading end.
    pub(crate) fn new(pipe: OwnedFd, file: File, max_bytes: u64) -> Self {
        let tail_room = (max_bytes / 2).min(LARGEST_TAIL);
        CappedLog {
            pipe,
            file,
            open: true,
            head_room: usize::try_from(max_bytes - tail_room).unwrap_or(usize::MAX),
            tail: VecDeque::new(),
            tail_room: tail_room as usize,
            dropped: 0,
        }
    }

    /// Whether there may be more to read.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Reads once what is there, without waiting.
    pub(crate) fn pump(&mut self) {
        self.open &= self.read_once() != Some(More::Never);
    }

    /// Reads what is left after the last writer has gone, writes the tail; gives what was dropped,
    /// in bytes.
    pub(crate) fn finish(mut self) -> u64 {
        while self.open && self.read_once() == Some(More::Later) {}
        // A full disk loses the log, not the report of how the command ended.
        if self.write_tail().is_err() {
            self.dropped += self.tail.len() as u64;
        }
        self.dropped
    }

    /// `None` when there is nothing now.
    fn read_once(&mut self) -> Option<More> {
        let mut chunk = [0; 16384];
        match read(&self.pipe, &mut chunk) {
            Ok(0) => Some(More::Never),
            Ok(count) => {
                self.take(&chunk[..count]);
                Some(More::Later)
            }
            Err(Errno::INTR) => Some(More::Later),
            Err(Errno::AGAIN) => None,
            Err(_) => Some(More::Never),
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let (head, rest) = bytes.split_at(bytes.len().min(self.head_room));
        self.head_room -= head.len();
        if self.file.write_all(head).is_err() {
            self.dropped += head.len() as u64;
        }
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(self.tail_room);
        self.tail.drain(..excess);
        self.dropped += excess as u64;
    }

    fn write_tail(&mut self) -> io::Result<()> {
        if self.dropped > 0 {
            writeln!(self.file, "\n[... {} bytes dropped ...]", self.dropped)?;
        }
        self.file.write_all(self.tail.make_contiguous())
    }
}

impl AsFd for CappedLog {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}
