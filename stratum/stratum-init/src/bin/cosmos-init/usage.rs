//! What a command used, and what that says about its end.

use std::mem::MaybeUninit;
use std::time::Duration;

use stratum_init::{Limits, Reason, Status};

/// What all processes that were reaped used together.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
    /// Of the largest process, in bytes.
    pub(crate) max_rss: u64,
}

pub(crate) fn of_children() -> Usage {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `usage` is a writable `rusage`, for which all zeroes is a valid value, so that it is
    // initialised whether or not the call succeeds.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
        usage.assume_init()
    };
    Usage {
        user: duration(usage.ru_utime),
        system: duration(usage.ru_stime),
        max_rss: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024,
    }
}

fn duration(time: libc::timeval) -> Duration {
    let micros = u64::try_from(time.tv_usec).unwrap_or(0);
    Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0)) + Duration::from_micros(micros)
}

/// A command that ended by itself may have done so at a limit that the kernel holds.
pub(crate) fn explain(reason: Reason, status: Status, limits: &Limits, used: &Usage) -> Reason {
    if reason != Reason::Ended || status == Status::Code(0) {
        return reason;
    }
    let cpu_used_up = limits.cpu.is_some_and(|cpu| used.user + used.system >= cpu);
    match status {
        Status::Signal(libc::SIGXFSZ) if limits.file_size.is_some() => Reason::FileSize,
        Status::Signal(libc::SIGXCPU) if limits.cpu.is_some() => Reason::CpuTime,
        Status::Signal(libc::SIGKILL) if cpu_used_up => Reason::CpuTime,
        _ if limits.memory.is_some_and(|memory| used.max_rss > memory) => Reason::Memory,
        _ => Reason::Ended,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(max_rss: u64, seconds: u64) -> Usage {
        Usage {
            user: Duration::from_secs(seconds),
            system: Duration::ZERO,
            max_rss,
        }
    }

    #[test]
    fn a_failure_is_explained_by_the_limit_it_met() {
        let limits = Limits {
            memory: Some(100),
            file_size: Some(1),
            cpu: Some(Duration::from_secs(5)),
            ..Limits::default()
        };
        let cases = [
            (Status::Code(0), used(200, 9), Reason::Ended),
            (Status::Code(1), used(50, 1), Reason::Ended),
            (Status::Code(1), used(200, 1), Reason::Memory),
            (Status::Signal(libc::SIGXFSZ), used(50, 1), Reason::FileSize),
            (Status::Signal(libc::SIGXCPU), used(50, 5), Reason::CpuTime),
            (Status::Signal(libc::SIGKILL), used(50, 6), Reason::CpuTime),
            (Status::Signal(libc::SIGKILL), used(50, 1), Reason::Ended),
        ];
        for (status, used, expected) in cases {
            assert_eq!(
                explain(Reason::Ended, status, &limits, &used),
                expected,
                "{status}"
            );
        }
        let killed = explain(
            Reason::Killed,
            Status::Signal(libc::SIGKILL),
            &limits,
            &used(200, 9),
        );
        assert_eq!(killed, Reason::Killed);
    }
}
