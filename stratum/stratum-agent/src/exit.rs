//! How a command ended, told as the one error type.

use errors::{Class, Error};
use stratum::Shape;
use stratum_init::{Exit, Reason, Status};

/// Signals by which a process ends through a fault of its own.
const CRASHES: [(i32, &str); 6] = [
    (4, "illegal instruction"),
    (6, "abort"),
    (7, "bus error"),
    (8, "arithmetic error"),
    (11, "segmentation fault"),
    (31, "forbidden system call"),
];

const FILE_SIZE_SIGNAL: i32 = 25;

/// What the exit of a function means, without regard to its own account of it.
pub(crate) fn error(exit: &Exit, shape: &Shape) -> Option<Error> {
    let limit = |code: &str, what: &str| {
        let message = format!(
            "the function was stopped in shape `{}`: {what}",
            shape.group
        );
        let hint = format!("route it to a shape larger than `{}`", shape.group);
        Some(Error::function(code, message).hint(hint))
    };
    match exit.reason {
        Reason::Memory => limit("OUT_OF_MEMORY", "it needed more memory than its shape has"),
        // A shell tells that a signal ended its child by 128 and the signal's number.
        Reason::Ended if exit.status == Status::Code(128 + FILE_SIZE_SIGNAL) => {
            limit("DISK_FULL", "a file outgrew the disk of its shape")
        }
        Reason::Ended => ended(exit.status),
        Reason::FileSize => limit("DISK_FULL", "a file outgrew the disk of its shape"),
        Reason::Processes => limit("TOO_MANY_PROCESSES", "it started too many processes"),
        Reason::CpuTime => limit("CPU_TIME", "it used up its processor time"),
        Reason::WallTime => limit("TIMEOUT", "it took longer than its timeout"),
        Reason::Killed => Some(Error::platform("KILLED", "the function was stopped")),
    }
}

fn ended(status: Status) -> Option<Error> {
    match status {
        Status::Code(0) => None,
        Status::Code(code) => {
            let message = format!("the function ended with exit status {code}");
            let class = Class::of_exit_status(code);
            Some(Error::new(class, "FUNCTION_FAILED", message))
        }
        Status::Signal(signal) => Some(signaled(signal)),
    }
}

/// A crash is the function's doing; being killed is done to it, by the system or an operator.
fn signaled(signal: i32) -> Error {
    match CRASHES.iter().find(|(number, _)| *number == signal) {
        Some((_, name)) => {
            Error::function("FUNCTION_CRASHED", format!("the function crashed: {name}"))
        }
        None => Error::platform(
            "FUNCTION_KILLED",
            format!("the function was killed from outside by signal {signal}"),
        ),
    }
}

/// What a sandbox or a container that failed means: nothing that the function did.
pub(crate) fn sandbox(error: &stratum_init::Error) -> Error {
    let message = crate::text::line(&error.to_string(), 2_048);
    let code = match error {
        stratum_init::Error::Engine(_) => "CONTAINER_FAILED",
        _ => "SANDBOX_FAILED",
    };
    Error::platform(code, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn exit(reason: Reason, status: Status) -> Option<Error> {
        let exit = Exit::unmeasured(status, reason);
        let shape = Shape::from_yaml("group: s\nnumCpus: 1\nmemoryInMB: 100").unwrap();
        error(&exit, &shape)
    }

    #[test]
    fn exits_and_their_meaning() {
        use Class::{Function, Platform, Source, User};
        use Status::{Code, Signal};
        assert_eq!(exit(Reason::Ended, Code(0)), None);
        for (reason, status, class, code) in [
            (Reason::Ended, Code(1), Function, "FUNCTION_FAILED"),
            (Reason::Ended, Code(2), User, "FUNCTION_FAILED"),
            (Reason::Ended, Code(3), Source, "FUNCTION_FAILED"),
            (Reason::Ended, Code(5), Platform, "FUNCTION_FAILED"),
            (Reason::Ended, Signal(11), Function, "FUNCTION_CRASHED"),
            (Reason::Ended, Signal(9), Platform, "FUNCTION_KILLED"),
            (Reason::Memory, Signal(9), Function, "OUT_OF_MEMORY"),
            (Reason::FileSize, Signal(25), Function, "DISK_FULL"),
            (Reason::Ended, Code(153), Function, "DISK_FULL"),
            (Reason::WallTime, Signal(9), Function, "TIMEOUT"),
        ] {
            let error = exit(reason, status).unwrap();
            assert_eq!((error.class, &*error.code), (class, code));
        }
    }
}
