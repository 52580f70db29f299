//! A command that runs under `cosmos-init`, seen from the host.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot, watch};

use crate::carrier::{Carrier, Process};
use crate::wire::{FromInit, MAX_LINE, Progress, ToInit};
use crate::{Error, Exit, Init, Output, Spec};

/// A running command. Dropping it kills the command and all its descendants.
#[derive(Debug)]
pub struct Running {
    pid: Option<u32>,
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
        encode(spec)?;
        let (ours, theirs) = StdUnixStream::pair()?;
        let mut child = self.start(spec, theirs)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let pid = child.id();
        let mut running = Running::converse(ours, spec, Process::new(child)).await?;
        (running.pid, running.stdout, running.stderr) = (pid, stdout, stderr);
        Ok(running)
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
    /// Hands `spec` to a `cosmos-init` at the other end of `control`; returns when the command
    /// runs. `carrier` is what that init runs in.
    ///
    /// # Errors
    /// As [`Init::spawn`]; nothing of the command is left then.
    pub async fn converse(
        control: StdUnixStream,
        spec: &Spec,
        carrier: impl Carrier,
    ) -> Result<Self, Error> {
        let line = encode(spec)?;
        control.set_nonblocking(true)?;
        let ours = control.try_clone()?;
        let (reader, mut writer) = UnixStream::from_std(control)?.into_split();
        writer.write_all(&line).await?;
        let mut conversation = Conversation::new(Box::new(carrier), reader, writer);
        match conversation.started(spec).await {
            Ok(()) => Ok(conversation.into_running(ours)),
            Err(failed) => {
                // An init that still waits hears that it is over. That nothing ran is known.
                let _ = ours.shutdown(Shutdown::Both);
                let _ = conversation.carrier.end(None).await;
                Err(failed)
            }
        }
    }

    /// The process id of `cosmos-init`, where it is a process of this host.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
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
    carrier: Box<dyn Carrier>,
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    line: Vec<u8>,
}

impl Conversation {
    fn new(carrier: Box<dyn Carrier>, reader: OwnedReadHalf, writer: OwnedWriteHalf) -> Self {
        Conversation {
            carrier,
            reader: BufReader::new(reader),
            writer,
            line: Vec::new(),
        }
    }

    async fn started(&mut self, spec: &Spec) -> Result<(), Error> {
        match self.receive().await? {
            Some(FromInit::Started { pid }) => {
                self.carrier.started(pid);
                Ok(())
            }
            Some(FromInit::Failed { message }) => Err(setup_failed(spec, message)),
            Some(other) => Err(Error::Control(io::Error::other(format!(
                "expected a start, not {other:?}"
            )))),
            None => Err(Error::InitDied {
                status: "before the command ran".into(),
            }),
        }
    }

    fn into_running(self, control: StdUnixStream) -> Running {
        let (report, progress) = watch::channel(Progress::default());
        let (kill, kills) = mpsc::channel(1);
        let (ended, exit) = oneshot::channel();
        tokio::spawn(async move {
            // The receiver is gone when `Running` was dropped: nobody wants to know.
            let _ = ended.send(self.converse(report, kills).await);
        });
        Running {
            pid: None,
            stdout: None,
            stderr: None,
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
                Some(FromInit::Exited(exit)) => return self.carrier.end(Some(exit)).await,
                Some(FromInit::Started { .. }) => {}
                Some(FromInit::Failed { message }) => {
                    return Err(Error::Control(io::Error::other(message)));
                }
                None => return self.carrier.end(None).await,
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
}

fn setup_failed(spec: &Spec, message: String) -> Error {
    let program = spec.argv.first().map(|p| p.to_string_lossy().into_owned());
    Error::Setup {
        program: program.unwrap_or_default(),
        message,
    }
}
