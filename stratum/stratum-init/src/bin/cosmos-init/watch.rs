//! The life of a command: one `poll` loop over the command, the host, logs, progress and limits.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, WaitStatus};
use stratum_init::wire::FromInit;
use stratum_init::{Exit, Reason, Status};

use crate::command::Started;
use crate::control::{Control, Wish};
use crate::family::{self, Sight};
use crate::log::CappedLog;
use crate::progress::ProgressLines;
use crate::usage;

/// Between two looks at memory and processes, and two progress messages.
const LOOK: Duration = Duration::from_millis(100);

pub(crate) struct Watch {
    control: Control,
    started: Started,
    progress: ProgressLines,
    begin: Instant,
    next_look: Instant,
    peak_memory: u64,
    status: Option<WaitStatus>,
}

/// Why the loop ended.
enum End {
    Because(Reason),
    HostGone,
}

impl Watch {
    pub(crate) fn new(control: Control, mut started: Started) -> Self {
        let now = Instant::now();
        Watch {
            control,
            progress: ProgressLines::new(started.progress.take()),
            started,
            begin: now,
            next_look: now,
            peak_memory: 0,
            status: None,
        }
    }

    /// Until the command and its family are gone and the host knows, or is gone too.
    pub(crate) fn run(mut self) -> io::Result<()> {
        let end = self.watch();
        self.end_family();
        match end {
            End::HostGone => Ok(()),
            End::Because(reason) => self.report(reason),
        }
    }

    fn watch(&mut self) -> End {
        loop {
            self.wait();
            match self.control.wish() {
                Wish::Nothing => {}
                Wish::Kill => return End::Because(Reason::Killed),
                Wish::Gone => return End::HostGone,
            }
            self.relay();
            if let Some(reason) = self.look() {
                return End::Because(reason);
            }
        }
    }

    /// Until something happens, or it is time to look.
    fn wait(&self) {
        let all = [
            Some(self.control.as_fd()),
            Some(self.started.ended.as_fd()),
            self.progress.descriptor(),
            open(self.started.stdout.as_ref()),
            open(self.started.stderr.as_ref()),
        ];
        let mut set: Vec<PollFd<'_>> = all
            .into_iter()
            .flatten()
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        // Whatever it says, everything is non-blocking and is looked at.
        let _ = poll(&mut set, Some(&self.patience()));
    }

    fn patience(&self) -> Timespec {
        let left = self.next_look.saturating_duration_since(Instant::now());
        Timespec {
            tv_sec: 0,
            tv_nsec: left.min(LOOK).subsec_nanos().into(),
        }
    }

    fn relay(&mut self) {
        self.progress.read();
        for log in [&mut self.started.stdout, &mut self.started.stderr] {
            log.iter_mut()
                .filter(|log| log.is_open())
                .for_each(CappedLog::pump);
        }
    }

    /// Whether it has ended, and every so often whether it must.
    fn look(&mut self) -> Option<Reason> {
        self.reap();
        if self.status.is_some() {
            return Some(Reason::Ended);
        }
        let now = Instant::now();
        if now < self.next_look {
            return None;
        }
        self.next_look = now + LOOK;
        if let Some(news) = self.progress.news() {
            self.control.offer(&FromInit::Progress(news));
        }
        let sight = family::look();
        self.peak_memory = self.peak_memory.max(sight.memory);
        self.over_limit(sight)
    }

    fn over_limit(&self, sight: Sight) -> Option<Reason> {
        let limits = &self.started.limits;
        let over = |limit: Option<u64>, is: u64| limit.is_some_and(|limit| is > limit);
        if limits.wall.is_some_and(|wall| self.begin.elapsed() >= wall) {
            Some(Reason::WallTime)
        } else if over(limits.memory, sight.memory) {
            Some(Reason::Memory)
        } else if over(limits.processes, sight.processes) {
            Some(Reason::Processes)
        } else {
            None
        }
    }

    fn reap(&mut self) {
        let (group, status) = (self.started.group, &mut self.status);
        family::reap(|pid, how| keep(status, group, pid, how));
    }

    fn end_family(&mut self) {
        let (group, status) = (self.started.group, &mut self.status);
        family::end(group, |pid, how| keep(status, group, pid, how));
    }

    fn report(mut self, reason: Reason) -> io::Result<()> {
        let wall = self.begin.elapsed();
        self.relay();
        if let Some(news) = self.progress.news() {
            self.control.send(&FromInit::Progress(news))?;
        }
        let used = usage::of_children();
        let status = self.status.map_or(Status::Signal(libc::SIGKILL), describe);
        let exit = Exit {
            status,
            reason: usage::explain(reason, status, &self.started.limits, &used),
            user_cpu: used.user,
            system_cpu: used.system,
            wall,
            max_rss: used.max_rss,
            peak_memory: self.peak_memory.max(used.max_rss),
            stdout_dropped: self.started.stdout.map_or(0, CappedLog::finish),
            stderr_dropped: self.started.stderr.map_or(0, CappedLog::finish),
            confinement: self.started.confinement,
        };
        self.control.send(&FromInit::Exited(exit))
    }
}

fn open(log: Option<&CappedLog>) -> Option<BorrowedFd<'_>> {
    log.filter(|log| log.is_open()).map(AsFd::as_fd)
}

/// Remembers how the command itself ended; of the others only that they have.
fn keep(kept: &mut Option<WaitStatus>, command: Pid, pid: Pid, status: WaitStatus) {
    if pid == command {
        *kept = Some(status);
    }
}

fn describe(status: WaitStatus) -> Status {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Status::Code(code),
        (None, signal) => Status::Signal(signal.unwrap_or(libc::SIGKILL)),
    }
}
