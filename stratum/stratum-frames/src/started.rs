//! A tool that was started.

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use stratum_init::{Exit, Output, Reason, Running, Spec, Status};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use crate::Error;

pub(crate) enum Started {
    /// By `cosmos-init`.
    Held(Running),
    /// By this program, which is confined itself.
    Child(Child, Instant),
}

impl Started {
    /// The command of `spec`, without its limits: those of this program hold.
    pub(crate) fn child(spec: &Spec) -> Result<Self, Error> {
        let mut command = Command::new(&spec.argv[0]);
        command.args(&spec.argv[1..]).env_clear().envs(&spec.env);
        command.stdin(Stdio::null()).kill_on_drop(true);
        command.stdout(stdio(&spec.stdout));
        command.stderr(stdio(&spec.stderr));
        let child = command.spawn().map_err(Error::io("starting a tool"))?;
        Ok(Started::Child(child, Instant::now()))
    }

    pub(crate) fn take_stdout(&mut self) -> Option<ChildStdout> {
        match self {
            Started::Held(running) => running.take_stdout(),
            Started::Child(child, _) => child.stdout.take(),
        }
    }

    pub(crate) fn take_stderr(&mut self) -> Option<ChildStderr> {
        match self {
            Started::Held(running) => running.take_stderr(),
            Started::Child(child, _) => child.stderr.take(),
        }
    }

    /// Waits for its end. What a child used is counted with this program.
    pub(crate) async fn wait(&mut self) -> Result<Exit, Error> {
        match self {
            Started::Held(running) => Ok(running.wait().await?),
            Started::Child(child, begin) => {
                let status = child
                    .wait()
                    .await
                    .map_err(Error::io("waiting for a tool"))?;
                Ok(exit(status, begin.elapsed()))
            }
        }
    }
}

fn stdio(output: &Output) -> Stdio {
    match output {
        Output::Pipe => Stdio::piped(),
        _ => Stdio::null(),
    }
}

fn exit(status: ExitStatus, wall: Duration) -> Exit {
    let code = status.code().map(Status::Code);
    let status = code.unwrap_or(Status::Signal(status.signal().unwrap_or(0)));
    Exit {
        wall,
        ..Exit::unmeasured(status, Reason::Ended)
    }
}
