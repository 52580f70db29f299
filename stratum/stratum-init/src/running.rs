//! A command that runs under `cosmos-init`, seen from the host.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot, watch};

use crate::wire::{FromInit, MAX_LINE, Progress, ToInit};
use crate::{Error, Exit, Init, Output, Spec};

/// A running command. Dropping it kills the command and all its descendants.
#[derive(Debug)]
pub struct Running {
    pid: u32,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    progress: watch::Receiver<Progress>,
    killer: Killer,
    exit: oneshot::Receiver<Result<Exit, Error>>,
    control: StdUnixStream,
}

/// Ends a command from anywhere. Does not keep it alive.
#[derive(Debug, Clone)]
pub struct Killer(mpsc::Sender<()>);

impl Init {
    /// Starts the command; returns when it runs.
    ///
    /// # Errors
    /// [`Error::Setup`] when the program, a path, a limit or the sandbox is not to be had: nothing
    /// of the command has run then.
    pub async fn spawn(&self, spec: &Spec) -> Result<Running, Error> {
        let line = encode(spec)?;
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let control = ours.try_clone()?;
        let mut child = self.start(spec, theirs)?;
        let pid = child.id().unwrap_or_default();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (reader, mut writer) = UnixStream::from_std(ours)?.into_split();
        writer.write_all(&line).await?;
        let mut conversation = Conversation::new(child, reader, writer);
        conversation.started(spec).await?;
        Ok(conversation.into_running(pid, control, stdout, stderr))
    }

    fn start(&self, spec: &Spec, control: StdUnixStream) -> Result<Child, Error> {
        Command::new(&self.path)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(control)))
            .stdout(stdio(&spec.stdout))
            .stderr(stdio(&spec.stderr))
            .spawn()
            .map_err(|source| Error::Start {
                init: self.path.clone(),
                source,
            })
    }
}

fn stdio(output: &Output) -> Stdio {
    match output {
        Output::Pipe => Stdio::piped(),
        Output::Discard | Output::File { .. } => Stdio::null(),
    }
}

fn encode(spec: &Spec) -> Result<Vec<u8>, Error> {
    let mut line = serde_json::to_vec(spec).map_err(|e| Error::Spec(e.to_string()))?;
    line.push(b'\n');
    if line.len() > MAX_LINE {
        return Err(Error::Spec(format!(
            "{} bytes of arguments, environment and paths; at most {MAX_LINE} are accepted",
            line.len()
        )));
    }
    Ok(line)
}

impl Running {
    /// The process id of `cosmos-init`.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The command's standard output, once, when the spec says [`Output::Pipe`].
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.stdout.take()
    }

    /// The command's standard error, once, when the spec says [`Output::Pipe`].
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.stderr.take()
    }

    /// The latest progress, and a way to wait for the next.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Kills the command and its descendants; [`Running::wait`] then gives
    /// [`crate::Reason::Killed`]. A command that has already ended keeps its own reason.
    pub fn kill(&self) {
        self.killer.kill();
    }

    /// A handle to kill it from elsewhere.
    #[must_use]
    pub fn killer(&self) -> Killer {
        self.killer.clone()
    }

    /// Waits until the command and all its descendants are gone. Cancel-safe; to be called until
    /// it has returned once.
    ///
    /// # Errors
    /// [`Error::InitDied`] when `cosmos-init` was killed; the command has been killed then too.
    pub async fn wait(&mut self) -> Result<Exit, Error> {
        match (&mut self.exit).await {
            Ok(result) => result,
            Err(_) => Err(Error::InitDied {
                status: "its observer ended".into(),
            }),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // At once, also when the runtime never runs again. Init answers a closed socket by killing;
        // the conversation then meets its end and collects init.
        let _ = self.control.shutdown(Shutdown::Both);
    }
}

impl Killer {
    /// Asks for the end of the command. Returns at once; has no effect on one that has ended.
    pub fn kill(&self) {
        // A full channel holds a request already; a closed one has nothing left to kill.
        let _ = self.0.try_send(());
    }
}

struct Conversation {
    child: Child,
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    line: Vec<u8>,
    group: Option<rustix::process::Pid>,
}

impl Conversation {
    fn new(child: Child, reader: OwnedReadHalf, writer: OwnedWriteHalf) -> Self {
        Conversation {
            child,
            reader: BufReader::new(reader),
            writer,
            line: Vec::new(),
            group: None,
        }
    }

    async fn started(&mut self, spec: &Spec) -> Result<(), Error> {
        match self.receive().await? {
            Some(FromInit::Started { pid }) => {
                self.group = rustix::process::Pid::from_raw(pid);
                Ok(())
            }
            Some(FromInit::Failed { message }) => Err(setup_failed(spec, message)),
            Some(other) => Err(Error::Control(io::Error::other(format!(
                "expected a start, not {other:?}"
            )))),
            None => Err(self.died().await),
        }
    }

    fn into_running(
        self,
        pid: u32,
        control: StdUnixStream,
        stdout: Option<ChildStdout>,
        stderr: Option<ChildStderr>,
    ) -> Running {
        let (report, progress) = watch::channel(Progress::default());
        let (kill, kills) = mpsc::channel(1);
        let (ended, exit) = oneshot::channel();
        tokio::spawn(async move {
            // The receiver is gone when `Running` was dropped: nobody wants to know.
            let _ = ended.send(self.converse(report, kills).await);
        });
        Running {
            pid,
            stdout,
            stderr,
            progress,
            killer: Killer(kill),
            exit,
            control,
        }
    }

    async fn converse(
        mut self,
        progress: watch::Sender<Progress>,
        mut kills: mpsc::Receiver<()>,
    ) -> Result<Exit, Error> {
        loop {
            let message = tokio::select! {
                message = self.receive() => message?,
                Some(()) = kills.recv() => {
                    self.send(ToInit::Kill).await;
                    continue;
                }
            };
            match message {
                Some(FromInit::Progress(latest)) => {
                    progress.send_replace(latest);
                }
                Some(FromInit::Exited(exit)) => return self.finish(exit).await,
                Some(FromInit::Started { .. }) => {}
                Some(FromInit::Failed { message }) => {
                    return Err(Error::Control(io::Error::other(message)));
                }
                None => return Err(self.died().await),
            }
        }
    }

    /// The next message; `None` at the end of the stream. Cancel-safe: a partial line is kept.
    async fn receive(&mut self) -> Result<Option<FromInit>, Error> {
        let room = (MAX_LINE - self.line.len()) as u64;
        let mut limited = (&mut self.reader).take(room);
        limited.read_until(b'\n', &mut self.line).await?;
        if self.line.last() != Some(&b'\n') {
            return Ok(None);
        }
        let message = serde_json::from_slice(&self.line).map_err(io::Error::from)?;
        self.line.clear();
        Ok(Some(message))
    }

    /// A failure to write means that init is gone, which `receive` is about to tell.
    async fn send(&mut self, message: ToInit) {
        if let Ok(mut line) = serde_json::to_vec(&message) {
            line.push(b'\n');
            let _ = self.writer.write_all(&line).await;
        }
    }

    async fn finish(mut self, exit: Exit) -> Result<Exit, Error> {
        self.child.wait().await?;
        Ok(exit)
    }

    /// Init is gone without its word: what it guarded must not stay.
    async fn died(&mut self) -> Error {
        let status = self.child.wait().await;
        if let Some(group) = self.group {
            // Already gone is as good.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        Error::InitDied {
            status: describe(status),
        }
    }
}

fn setup_failed(spec: &Spec, message: String) -> Error {
    let program = spec.argv.first().map(|p| p.to_string_lossy().into_owned());
    Error::Setup {
        program: program.unwrap_or_default(),
        message,
    }
}

fn describe(status: io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => match status.signal() {
            Some(signal) => format!("signal {signal}"),
            None => format!("exit code {}", status.code().unwrap_or_default()),
        },
        Err(e) => e.to_string(),
    }
}
