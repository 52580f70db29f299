//! The commands as somebody at a terminal uses them, against an installation of this build.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::installation::{free_address, wait_until};
use crate::programs;

/// `cosmos up` in a folder, until it is dropped.
pub struct Server {
    folder: PathBuf,
    url: String,
    queues: String,
    process: Child,
}

impl Server {
    /// Starts it on free ports; sources below `sources` and outputs below `folder` are allowed.
    /// Returns when it answers.
    pub fn start(folder: &Path, sources: &Path) -> Result<Self> {
        Self::start_with(folder, sources, None)
    }

    /// The same, where programs are found by this path, if one is given.
    pub fn start_with(folder: &Path, sources: &Path, path: Option<&str>) -> Result<Self> {
        let (timestone, optimus) = (free_address()?, free_address()?);
        let config = format!(
            "data: cosmos-data\ntimestone: {{listen: {timestone}}}\n\
             optimus: {{listen: {optimus}, source_roots: [{}], output_roots: [{}]}}\n",
            sources.display(),
            folder.display(),
        );
        fs::write(folder.join("cosmos.yaml"), config)?;
        let log = fs::File::create(folder.join("cosmos.log"))?;
        let mut command = programs::program("cosmos")?;
        command.args(["up", "--config", "cosmos.yaml"]);
        command.current_dir(folder).env("NO_COLOR", "1");
        command.envs(path.map(|path| ("PATH", path)));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let server = Self {
            folder: folder.to_owned(),
            url: format!("http://{optimus}"),
            queues: timestone,
            process: programs::spawn(&mut command)?,
        };
        wait_until("answer of the server", || {
            Ok(server.ves(&["list"])?.status.success())
        })?;
        Ok(server)
    }

    /// Where its queues, and its metrics, are asked for: an address.
    pub fn queues(&self) -> &str {
        &self.queues
    }

    /// Runs `ves` with these words in the folder, which names neither server nor token: the
    /// environment and the folder do.
    pub fn ves(&self, words: &[&str]) -> Result<Output> {
        Ok(self.command(words)?.output()?)
    }

    /// The same, to be run otherwise.
    pub fn command(&self, words: &[&str]) -> Result<Command> {
        let mut command = ves(&self.folder, words)?;
        command.env("VES_SERVER", &self.url).env("NO_COLOR", "1");
        Ok(command)
    }

    /// Runs it and demands success; what it says on standard output.
    pub fn said(&self, words: &[&str]) -> Result<String> {
        let output = self.ves(words)?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.success(),
            "ves {words:?} ended with {}: {said}\n{}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr),
            fs::read_to_string(self.folder.join("cosmos.log"))?
        );
        Ok(said)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `ves` with these words in a folder, where it keeps its state too.
pub fn ves(folder: &Path, words: &[&str]) -> Result<Command> {
    let mut command = programs::program("ves")?;
    command.args(words).current_dir(folder).stdin(Stdio::null());
    command.env("XDG_STATE_HOME", folder.join("state"));
    command
        .env_remove("VES_SERVER")
        .env_remove("VES_TOKEN_FILE");
    Ok(command)
}

/// Every line as JSON.
pub fn json_lines(text: &str) -> Result<Vec<Value>> {
    let parse = |line: &str| serde_json::from_str(line).with_context(|| line.to_owned());
    text.lines().map(parse).collect()
}
