//! Processes that write to or check a store, and can be killed.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Target;
use crate::workload::Facts;

/// How long a check may take before the store counts as stuck.
const PATIENCE: Duration = Duration::from_secs(300);

/// A running worker. It is killed when dropped.
pub(super) struct Worker {
    child: Child,
    output: Option<JoinHandle<String>>,
    errors: File,
}

/// What a worker said until it ended.
pub(super) struct Said {
    pub(super) output: String,
    pub(super) errors: String,
}

impl Worker {
    /// Starts `program action TARGET --seed SEED` with the lines of `facts` as
    /// its input.
    pub(super) fn start(
        program: &Path,
        action: &str,
        target: &Target,
        seed: u64,
        facts: &Facts,
    ) -> io::Result<Self> {
        let errors = tempfile::tempfile()?;
        let mut child = Command::new(program)
            .args([action, &target.to_string(), "--seed", &seed.to_string()])
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors.try_clone()?)
            .spawn()?;
        tell(&mut child, &facts.lines())?;
        let output = child
            .stdout
            .take()
            .map(|output| std::thread::spawn(move || read(output)));
        Ok(Self {
            child,
            output,
            errors,
        })
    }

    /// Whether it has ended by itself.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits for its end.
    pub(super) fn wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let start = Instant::now();
        loop {
            match self.ended()? {
                None if start.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(2)),
                ended => return Ok(ended),
            }
        }
    }

    /// Kills it, unless it has ended, and returns what it said.
    pub(super) fn finish(mut self) -> io::Result<Said> {
        self.child.kill()?;
        self.child.wait()?;
        let output = self
            .output
            .take()
            .and_then(|output| output.join().ok())
            .unwrap_or_default();
        let mut errors = String::new();
        self.errors.seek(SeekFrom::Start(0))?;
        self.errors.read_to_string(&mut errors)?;
        Ok(Said { output, errors })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tell(child: &mut Child, lines: &str) -> io::Result<()> {
    match child.stdin.take() {
        Some(mut input) => input.write_all(lines.as_bytes()),
        None => Ok(()),
    }
}

/// The whole lines until the end; a line that was cut off is no acknowledgement.
fn read(mut output: impl Read) -> String {
    let mut bytes = Vec::new();
    // What came before an error counts.
    let _ = output.read_to_end(&mut bytes);
    let whole = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    String::from_utf8_lossy(&bytes[..whole]).into_owned()
}
