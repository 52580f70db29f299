//! `ves encode` as a whole: run, kill, read its events.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::programs;

/// One encode, that can be run again and again over the same state.
pub struct Encode {
    pub source: PathBuf,
    pub output: PathBuf,
    pub state: PathBuf,
    pub args: Vec<String>,
    /// Environment that it has besides.
    pub env: Vec<(String, String)>,
}

/// What a finished run said.
#[derive(Debug)]
pub struct Finished {
    pub sha256: String,
    pub frames: u64,
    pub chunks_encoded: u64,
    pub chunks_reused: u64,
    /// Lines of the log that say that a function really ran, by function.
    pub log: String,
}

impl Encode {
    /// An encode of `source` with everything else below `folder`.
    pub fn new(source: &Path, folder: &Path, args: &[&str]) -> Self {
        Self {
            source: source.to_owned(),
            output: folder.join("out.mp4"),
            state: folder.join("state"),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            env: Vec::new(),
        }
    }

    /// The command, reporting in JSON on standard output and logging on standard error.
    pub fn command(&self) -> Result<Command> {
        let mut command = programs::program("ves")?;
        command
            .arg("encode")
            .arg(&self.source)
            .arg("-o")
            .arg(&self.output);
        command
            .arg("--state")
            .arg(&self.state)
            .args(["--json", "--verbose", "--overwrite"])
            .args(&self.args);
        command.env("RUST_LOG", "info").stdin(Stdio::null());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }

    /// Starts it with its events readable and its log appended to a file.
    pub fn start(&self) -> Result<Started> {
        fs::create_dir_all(&self.state)?;
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.log_path())?;
        let mut child = programs::spawn(self.command()?.stdout(Stdio::piped()).stderr(log))?;
        let events = BufReader::new(child.stdout.take().context("no standard output")?);
        Ok(Started { child, events })
    }

    /// Runs it to its end and demands success.
    pub fn finish(&self) -> Result<Finished> {
        let mut started = self.start()?;
        let mut text = String::new();
        started.events.read_to_string(&mut text)?;
        let status = started.child.wait()?;
        ensure!(
            status.success(),
            "ves ended with {status}:\n{text}\n{}",
            self.log()
        );
        self.finished(&text)
    }

    /// Reads what the last run said when it finished.
    pub fn finished(&self, events: &str) -> Result<Finished> {
        let finished = events
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|event| event["event"] == "finished")
            .with_context(|| format!("no `finished` among the events:\n{events}"))?;
        let number = |key: &str| {
            finished[key]
                .as_u64()
                .with_context(|| format!("no {key} in {finished}"))
        };
        Ok(Finished {
            sha256: sha256(&self.output)?,
            frames: number("frames")?,
            chunks_encoded: number("chunks_encoded")?,
            chunks_reused: number("chunks_reused")?,
            log: self.log(),
        })
    }

    /// Everything logged by all runs so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.output.with_extension("log")
    }
}

/// A run that goes on.
pub struct Started {
    pub child: Child,
    pub events: BufReader<std::process::ChildStdout>,
}

impl Started {
    /// Reads events until one satisfies `wanted`; false when the run ended before.
    pub fn wait_for(&mut self, mut wanted: impl FnMut(&Value) -> bool) -> Result<bool> {
        let mut line = String::new();
        while self.events.read_line(&mut line)? > 0 {
            if wanted(&serde_json::from_str(&line)?) {
                return Ok(true);
            }
            line.clear();
        }
        Ok(false)
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

/// How many chunks the events say are done.
pub fn chunks_done(event: &Value) -> u64 {
    event["chunks_done"].as_u64().unwrap_or(0)
}

/// SHA-256 of a file, in hexadecimal.
pub fn sha256(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    Ok(hex::encode(Sha256::digest(bytes)))
}
