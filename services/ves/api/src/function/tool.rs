//! Media tools as children: their output line by line, and what they said when they failed.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;

use errors::Error;

/// The last lines of a failed tool's log that are kept.
const LINES: usize = 20;
/// The longest line of a tool that is read whole.
const LINE_BYTES: u64 = 64 * 1024;

/// A media tool to run, without a shell.
pub struct Tool(Command);

/// A tool that ended badly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolFailure {
    /// The program's name.
    pub program: String,
    /// "exit status: 1"
    pub status: String,
    /// Whether a signal ended it.
    pub killed: bool,
    /// The end of its log.
    pub log: Vec<String>,
}

impl Tool {
    /// A program by name, found in `PATH`.
    pub fn new(program: &str) -> Self {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        Self(command)
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.0.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.0.args(args);
        self
    }

    /// Runs it to its end and hands each line of its standard output to `line`; an error of
    /// `line` kills it. The log of a success is returned: it may hold warnings.
    pub fn run(
        mut self,
        mut line: impl FnMut(&str) -> Result<(), Error>,
    ) -> Result<Vec<String>, Error> {
        let mut child = self.spawn()?;
        let log = child.stderr.take().map(|pipe| thread::spawn(|| tail(pipe)));
        let read = child
            .stdout
            .take()
            .map_or(Ok(()), |pipe| lines(pipe, &mut line));
        let status = end(&mut child, read.is_err());
        let log = log.and_then(|log| log.join().ok()).unwrap_or_default();
        read?;
        match status {
            Ok(status) if status.success() => Ok(log),
            Ok(status) => Err(self.failure(status, log).into()),
            Err(e) => Err(self.lost(&e)),
        }
    }

    fn spawn(&mut self) -> Result<Child, Error> {
        let command = self.0.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().map_err(|e| self.lost(&e))
    }

    fn name(&self) -> String {
        self.0.get_program().to_string_lossy().into_owned()
    }

    fn lost(&self, e: &std::io::Error) -> Error {
        let message = format!("{} could not be run: {e}", self.name());
        Error::platform("TOOL_MISSING", message).hint("install ffmpeg where functions run")
    }

    fn failure(&self, status: ExitStatus, log: Vec<String>) -> ToolFailure {
        ToolFailure {
            program: self.name(),
            status: status.to_string(),
            killed: status.code().is_none(),
            log,
        }
    }
}

impl From<ToolFailure> for Error {
    /// A full disk and a kill are the platform's, anything else the function's.
    fn from(failure: ToolFailure) -> Self {
        let ToolFailure {
            program,
            status,
            killed,
            log,
        } = failure;
        let last = log.last().map_or("it said nothing", String::as_str);
        let message = format!("{program} ended with {status}: {last}");
        let full = log
            .iter()
            .any(|line| line.contains("No space left on device"));
        match (full, killed) {
            (true, _) => Error::platform("DISK_FULL", message),
            (_, true) => Error::platform("TOOL_KILLED", message),
            _ => log
                .iter()
                .fold(Error::function("TOOL_FAILED", message), |error, line| {
                    error.caused_by(Error::function("LOG", line))
                }),
        }
    }
}

fn end(child: &mut Child, kill: bool) -> std::io::Result<ExitStatus> {
    if kill {
        child.kill()?;
    }
    child.wait()
}

fn lines(pipe: ChildStdout, line: &mut impl FnMut(&str) -> Result<(), Error>) -> Result<(), Error> {
    let mut pipe = BufReader::new(pipe);
    while let Some(text) = next_line(&mut pipe) {
        line(&text)?;
    }
    Ok(())
}

/// The last lines, each also passed on to the function's own log.
fn tail(pipe: ChildStderr) -> Vec<String> {
    let mut pipe = BufReader::new(pipe);
    let mut kept = VecDeque::with_capacity(LINES);
    while let Some(line) = next_line(&mut pipe) {
        eprintln!("{line}");
        if kept.len() == LINES {
            kept.pop_front();
        }
        kept.push_back(line.chars().take(300).collect());
    }
    kept.into()
}

fn next_line(pipe: &mut impl BufRead) -> Option<String> {
    let mut bytes = Vec::new();
    let read = pipe.by_ref().take(LINE_BYTES).read_until(b'\n', &mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    read.is_ok_and(|n| n > 0)
        .then(|| text.trim_end().to_owned())
}
