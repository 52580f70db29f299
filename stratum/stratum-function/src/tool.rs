//! Media tools as children: what they write, line by line or as bytes, and what they said.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;

use errors::Error;

/// The last lines of a failed tool's log that are kept.
const LINES: usize = 20;
/// The longest line of a tool that is read whole.
const LINE_BYTES: u64 = 64 * 1024;
/// The longest line of a log that is kept.
const LOG_CHARS: usize = 300;
/// What is read of a tool's standard output at a time.
const BUFFER: usize = 1 << 16;
/// What a tool may write before it waits for its reader. A frame of raw video is a megabyte.
const PIPE: usize = 1 << 20;

/// A media tool to run, without a shell.
pub struct Tool(Command);

/// How a tool ended that was started.
pub type Ended = Result<(), ToolFailure>;

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

    /// The tool that the declaration has by several names, `best|next`: the one that the host has chosen;
    /// else the first of them that `PATH` has, else the last.
    pub fn chosen(names: &str) -> Self {
        let first = names.split('|').next().unwrap_or(names);
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        };
        let name: String = first.chars().map(plain).collect();
        let told = std::env::var(format!("COSMOS_TOOL_{name}")).ok();
        let there = || names.split('|').find(|name| is_there(name));
        let last = names.rsplit('|').next().unwrap_or(names);
        match told {
            Some(path) => Self::new(&path),
            None => Self::new(there().unwrap_or(last)),
        }
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

    /// Adds arguments that are written with spaces between them.
    pub fn words(self, words: &str) -> Self {
        self.args(words.split_whitespace())
    }

    /// Runs it to its end and hands each line of its standard output to `line`; an error of
    /// `line` kills it. The log of a success is returned: it may hold warnings. Each line of the
    /// log is also passed on to the function's own log.
    pub fn run(
        self,
        mut line: impl FnMut(&str) -> Result<(), Error>,
    ) -> Result<Vec<String>, Error> {
        let mut log = Tail::default();
        let read = |pipe: &mut BufReader<ChildStdout>| {
            while let Some(text) = next_line(pipe) {
                line(&text)?;
            }
            Ok(())
        };
        let ((), ended) = self.stream(read, |text| {
            eprintln!("{text}");
            log.push(text);
        })?;
        ended?;
        Ok(log.0.into())
    }

    /// Runs it to its end; `out` reads its standard output meanwhile, and `log` is given each
    /// line of its standard error. An error of `out` kills it. How it ended is told apart from
    /// errors, so that what it wrote before it failed can be used.
    ///
    /// # Errors
    /// When it cannot be run, or `out` fails.
    pub fn stream<T>(
        mut self,
        out: impl FnOnce(&mut BufReader<ChildStdout>) -> Result<T, Error>,
        mut log: impl FnMut(&str) + Send,
    ) -> Result<(T, Ended), Error> {
        let mut child = self.spawn()?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (Some(stdout), Some(stderr)) = (stdout, stderr) else {
            return Err(self.lost(&std::io::Error::other("it has no pipes")));
        };
        thread::scope(|scope| {
            let tail = scope.spawn(move || {
                let (mut pipe, mut tail) = (BufReader::new(stderr), Tail::default());
                while let Some(text) = next_line(&mut pipe) {
                    log(&text);
                    tail.push(&text);
                }
                tail
            });
            let read = out(&mut BufReader::with_capacity(BUFFER, stdout));
            let status = end(&mut child, read.is_err());
            let tail = tail.join().unwrap_or_default();
            let read = read?;
            match status {
                Ok(status) if status.success() => Ok((read, Ok(()))),
                Ok(status) => Ok((read, Err(self.failure(status, tail)))),
                Err(e) => Err(self.lost(&e)),
            }
        })
    }

    fn spawn(&mut self) -> Result<Child, Error> {
        let command = self.0.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().map_err(|e| self.lost(&e))?;
        if let Some(stdout) = &child.stdout {
            // Where the system allows no more, its own size does, more slowly.
            let _ = rustix::pipe::fcntl_setpipe_size(stdout, PIPE);
        }
        Ok(child)
    }

    fn name(&self) -> String {
        self.0.get_program().to_string_lossy().into_owned()
    }

    fn lost(&self, e: &std::io::Error) -> Error {
        let message = format!("{} could not be run: {e}", self.name());
        Error::platform("TOOL_MISSING", message).hint("install ffmpeg where functions run")
    }

    fn failure(&self, status: ExitStatus, log: Tail) -> ToolFailure {
        ToolFailure {
            program: self.name(),
            status: status.to_string(),
            killed: status.code().is_none(),
            log: log.0.into(),
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

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// The last lines of a log.
#[derive(Default)]
struct Tail(VecDeque<String>);

impl Tail {
    fn push(&mut self, line: &str) {
        if self.0.len() == LINES {
            self.0.pop_front();
        }
        self.0.push_back(line.chars().take(LOG_CHARS).collect());
    }
}

fn end(child: &mut Child, kill: bool) -> std::io::Result<ExitStatus> {
    if kill {
        child.kill()?;
    }
    child.wait()
}

fn next_line(pipe: &mut impl BufRead) -> Option<String> {
    let mut bytes = Vec::new();
    let read = pipe.by_ref().take(LINE_BYTES).read_until(b'\n', &mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    read.is_ok_and(|n| n > 0)
        .then(|| text.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shell(script: &str) -> Tool {
        Tool::new("sh").args(["-c", script])
    }

    #[test]
    fn lines_and_log_are_told_apart() {
        let mut lines = Vec::new();
        let log = shell("echo one; echo careful >&2; echo two").run(|line| {
            lines.push(line.to_owned());
            Ok(())
        });
        assert_eq!(
            (lines, log.unwrap()),
            (vec!["one".into(), "two".into()], vec!["careful".into()])
        );
    }

    #[test]
    fn of_several_names_the_first_that_is_there_is_run() {
        let name = |names: &str| Tool::chosen(names).name();
        assert_eq!(name("no-such-tool|sh|cat"), "sh");
        assert_eq!(name("no-such-tool|nor-this"), "nor-this");
        assert_eq!(name("sh"), "sh");
    }

    #[test]
    fn what_was_written_before_a_failure_can_be_used() {
        let mut said = Vec::new();
        let read = |pipe: &mut BufReader<ChildStdout>| {
            let mut text = String::new();
            pipe.read_to_string(&mut text).unwrap();
            Ok(text)
        };
        let (text, ended) = shell("printf abc; echo broken >&2; exit 3")
            .stream(read, |line| said.push(line.to_owned()))
            .unwrap();
        assert_eq!((text.as_str(), said), ("abc", vec!["broken".to_owned()]));
        let error = Error::from(ended.unwrap_err());
        assert_eq!(error.code, "TOOL_FAILED");
        assert!(error.message.ends_with("broken"), "{error}");
    }

    #[test]
    fn an_error_of_the_reader_kills_it() {
        let refuse = |_: &str| Err(Error::function("ENOUGH", "enough"));
        let error = shell("echo one; exec sleep 1000").run(refuse).unwrap_err();
        assert_eq!(error.code, "ENOUGH");
    }

    #[test]
    fn a_program_that_is_not_there_is_the_platforms_fault() {
        let error = Tool::new("no-such-tool").run(|_| Ok(())).unwrap_err();
        assert_eq!(error.code, "TOOL_MISSING");
    }
}
