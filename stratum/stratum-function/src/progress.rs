use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::FdFlags;

/// How far a function is, told to its host on descriptor 3.
pub struct Progress {
    host: Option<File>,
    told: u64,
}

impl Progress {
    /// Takes descriptor 3, if it is a pipe or a socket. Call it before anything is opened, or
    /// descriptor 3 may be something else.
    pub fn of_host() -> Self {
        // SAFETY: nothing else owns descriptor 3 at the start of a process; a closed one is an
        // error of `fstat`, and the borrow ends with this function.
        let descriptor = unsafe { BorrowedFd::borrow_raw(3) };
        let host = listens(descriptor).then(|| {
            // The function's own children have nothing to tell the host.
            rustix::io::fcntl_setfd(descriptor, FdFlags::CLOEXEC)?;
            descriptor.try_clone_to_owned().map(File::from)
        });
        let host = host.and_then(Result::ok);
        Self { host, told: 0 }
    }

    /// Nobody listens.
    pub fn silent() -> Self {
        Self {
            host: None,
            told: 0,
        }
    }

    /// Says that `done` of `total` is done, if that is news by a thousandth.
    pub fn tell(&mut self, done: u64, total: u64) {
        let thousandths = done.saturating_mul(1000) / total.max(1);
        if thousandths > self.told {
            self.told = thousandths;
            let line = format!("progress={:.3}\n", thousandths as f64 / 1000.0);
            // A host that stopped listening is no reason to stop working.
            self.host
                .iter_mut()
                .for_each(|host| drop(host.write_all(line.as_bytes())));
        }
    }
}

fn listens(descriptor: impl AsFd) -> bool {
    use rustix::fs::{FileType, fstat};
    fstat(descriptor).is_ok_and(|stat| {
        let kind = FileType::from_raw_mode(stat.st_mode);
        matches!(kind, FileType::Fifo | FileType::Socket)
    })
}
