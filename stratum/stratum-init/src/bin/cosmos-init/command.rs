//! Starting the command: its descriptors, and what happens between `fork` and `exec`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use stratum_init::{Confinement, Input, Limits, Output, Spec};

use crate::confine::Confine;
use crate::log::CappedLog;

/// Where a command writes its progress.
const PROGRESS: i32 = 3;

/// A command that runs.
pub(crate) struct Started {
    pub(crate) group: Pid,
    pub(crate) ended: OwnedFd,
    pub(crate) progress: Option<OwnedFd>,
    pub(crate) stdout: Option<CappedLog>,
    pub(crate) stderr: Option<CappedLog>,
    pub(crate) limits: Limits,
    pub(crate) confinement: Confinement,
}

/// Both ends of the progress pipe, the writing one at descriptor 3.
pub(crate) struct ProgressPipe {
    reading: OwnedFd,
    writing: OwnedFd,
}

/// Opens the progress pipe while descriptor 3 is still free: nothing is moved there after `fork`,
/// where the standard library may have put its own.
pub(crate) fn reserve_progress_descriptor() -> Result<ProgressPipe, String> {
    let describe = |e| format!("progress pipe: {e}");
    let (first, second) = pipe_with(PipeFlags::CLOEXEC).map_err(describe)?;
    // `pipe` gives the lowest free descriptors, reading end first: 3 and 4. Trade places.
    let (mut at_three, writing) = (first, second);
    let reading = rustix::io::fcntl_dupfd_cloexec(&at_three, PROGRESS + 1).map_err(describe)?;
    if at_three.as_raw_fd() != PROGRESS {
        return Err("descriptor 3 was not free".into());
    }
    rustix::io::dup3(&writing, &mut at_three, rustix::io::DupFlags::CLOEXEC).map_err(describe)?;
    fcntl_setfl(&reading, OFlags::NONBLOCK).map_err(describe)?;
    Ok(ProgressPipe {
        reading,
        writing: at_three,
    })
}

/// Starts what `spec` says; an error is a sentence for the host, and nothing runs then.
pub(crate) fn start(spec: Spec, progress: ProgressPipe) -> Result<Started, String> {
    check(&spec)?;
    let confine = Confine::prepare(&spec)?;
    let (out, stdout) = output(&spec.stdout)?;
    let (err, stderr) = output(&spec.stderr)?;
    let mut command = Command::new(&spec.argv[0]);
    command
        .args(&spec.argv[1..])
        .env_clear()
        .envs(&spec.env)
        .current_dir(&spec.cwd)
        .stdin(input(&spec.stdin)?)
        .stdout(out)
        .stderr(err)
        .process_group(0);
    let (group, confinement) = fork(command, confine, progress.writing)?;
    Ok(Started {
        group,
        ended: pidfd_open(group, PidfdFlags::empty()).map_err(|e| format!("pidfd_open: {e}"))?,
        progress: Some(progress.reading),
        stdout,
        stderr,
        limits: spec.limits,
        confinement,
    })
}

fn check(spec: &Spec) -> Result<(), String> {
    let program = spec.argv.first().ok_or("argv is empty")?;
    if !std::path::Path::new(program).is_absolute() {
        return Err("the program is not an absolute path".into());
    }
    if !spec.cwd.is_absolute() {
        return Err(format!(
            "the working directory {:?} is not absolute",
            spec.cwd
        ));
    }
    Ok(())
}

/// The child tells how far it came through a pipe that `exec` closes: `+` and what is in force, or
/// `-` and what failed.
fn fork(
    mut command: Command,
    confine: Confine,
    progress: OwnedFd,
) -> Result<(Pid, Confinement), String> {
    let (mut told, tell) = io::pipe().map_err(|e| format!("pipe: {e}"))?;
    let mut confine = Some(confine);
    let enter = move || {
        fcntl_setfd(progress.as_fd(), FdFlags::empty())?;
        let result = confine.take().ok_or_else(|| "started twice".to_string());
        match result.and_then(Confine::enter) {
            Ok(confinement) => report(&tell, b'+', &serde_json::to_vec(&confinement)?),
            Err(message) => {
                report(&tell, b'-', message.as_bytes())?;
                Err(io::Error::other("confinement failed"))
            }
        }
    };
    // SAFETY: this process has one thread, so the child holds no lock of another and may allocate
    // and call anything.
    unsafe { command.pre_exec(enter) };
    let spawned = command.spawn();
    drop(command);
    let mut text = Vec::new();
    told.read_to_end(&mut text)
        .map_err(|e| format!("pipe: {e}"))?;
    match (spawned, text.split_first()) {
        (Ok(child), Some((b'+', state))) => Ok((
            Pid::from_child(&child),
            serde_json::from_slice(state).map_err(|e| e.to_string())?,
        )),
        (_, Some((b'-', message))) => Err(String::from_utf8_lossy(message).into_owned()),
        (Err(e), _) => Err(format!("cannot execute it: {e}")),
        (Ok(_), _) => Err("the child gave no account of its confinement".into()),
    }
}

fn report(mut to: &io::PipeWriter, mark: u8, text: &[u8]) -> io::Result<()> {
    let mut message = vec![mark];
    message.extend_from_slice(text);
    to.write_all(&message)
}

fn input(from: &Input) -> Result<Stdio, String> {
    match from {
        Input::Null => Ok(Stdio::null()),
        Input::File(path) => match File::open(path) {
            Ok(file) => Ok(Stdio::from(file)),
            Err(e) => Err(format!("standard input {path:?}: {e}")),
        },
    }
}

/// A pipe to the host is init's own descriptor, so that bytes do not pass through init.
fn output(to: &Output) -> Result<(Stdio, Option<CappedLog>), String> {
    match to {
        Output::Discard => Ok((Stdio::null(), None)),
        Output::Pipe => Ok((Stdio::inherit(), None)),
        Output::File { path, max_bytes } => {
            let file = File::create(path).map_err(|e| format!("log {path:?}: {e}"))?;
            let (reading, writing) = pipe_with(PipeFlags::CLOEXEC).map_err(|e| e.to_string())?;
            fcntl_setfl(&reading, OFlags::NONBLOCK).map_err(|e| e.to_string())?;
            Ok((
                Stdio::from(writing),
                Some(CappedLog::new(reading, file, *max_bytes)),
            ))
        }
    }
}
