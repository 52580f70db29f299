//! The first process around one command.
//!
//! Single-threaded from start to end: that is what makes running code between `fork` and `exec`
//! sound, and it keeps the process below a megabyte.
//!
//! 1. Take the control socket from descriptor 0, or in a container call the host at the path that
//!    is the only argument, and read the spec.
//! 2. Fork; in the child: drop privileges, set limits, enter the sandbox, `exec`.
//! 3. Watch command, host, limits, logs and progress in one `poll` loop.
//! 4. Kill what is left, and report.

mod command;
mod confine;
mod control;
mod family;
mod lines;
mod log;
mod progress;
mod usage;
mod watch;

use std::process::ExitCode;

use stratum_init::wire::FromInit;

use crate::command::Started;
use crate::control::Control;

/// The host is told everything that goes wrong; this code is for one that is gone.
const HOST_LOST: u8 = 70;

fn main() -> ExitCode {
    let control = match std::env::args_os().nth(1) {
        Some(socket) => Control::call(socket.as_ref()),
        None => Control::inherit(),
    };
    let Ok(control) = control else {
        eprintln!(
            "cosmos-init is started by a Cosmos host, with its control socket as descriptor 0, \
             or in a container with the path of one"
        );
        return ExitCode::from(HOST_LOST);
    };
    match serve(control) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(HOST_LOST),
    }
}

fn serve(mut control: Control) -> std::io::Result<()> {
    match prepare(&mut control) {
        Ok(started) => {
            // A host that has gone meanwhile does not hear it; the watch sees that and ends
            // what was started.
            let _ = control.send(&FromInit::Started {
                pid: started.group.as_raw_nonzero().get(),
            });
            watch::Watch::new(control, started).run()
        }
        Err(message) => control.send(&FromInit::Failed { message }),
    }
}

fn prepare(control: &mut Control) -> Result<Started, String> {
    let progress = command::reserve_progress_descriptor()?;
    let spec = control.spec()?;
    family::become_reaper()?;
    command::start(spec, progress)
}
