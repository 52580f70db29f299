//! Conversations with `ves encode` in a folder of their own: what was typed, what was said, how it
//! ended, what is left.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::{leftovers, programs};

/// Names a folder that is given the transcript of every conversation.
const TRANSCRIPTS: &str = "COSMOS_TRANSCRIPTS";

/// A folder in which `ves` is asked for things.
pub struct Talk {
    name: &'static str,
    folder: TempDir,
    path: Option<String>,
}

/// What it answered.
#[derive(Debug)]
pub struct Answer {
    /// Exit status; -1 when a signal ended it.
    pub status: i32,
    pub said: String,
}

impl Talk {
    /// In an empty folder.
    pub fn new(name: &'static str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        Ok(Self {
            name,
            folder,
            path: None,
        })
    }

    /// A file in the folder.
    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a clip of the corpus there under this name.
    pub fn put(&self, clip: corpus::Clip, name: &str) -> Result<()> {
        fs::copy(corpus::clip(clip)?, self.at(name))?;
        Ok(())
    }

    /// From now on programs are found here first: a tool of that name is this shell script.
    pub fn wrap_tool(&mut self, tool: &str, script: &str) -> Result<()> {
        self.path = Some(wrapped_tool(&self.at("tools"), tool, script)?);
        Ok(())
    }

    /// From now on programs are found here only.
    pub fn only_path(&mut self, path: &Path) {
        self.path = Some(path.display().to_string());
    }

    /// `ves` with these words, its state below the folder.
    pub fn command(&self, words: &[&str]) -> Result<Command> {
        self.command_of("ves", words)
    }

    /// A program with these words, its state below the folder.
    pub fn command_of(&self, program: &str, words: &[&str]) -> Result<Command> {
        let mut command = programs::program(program)?;
        command
            .args(words)
            .current_dir(self.folder.path())
            .env("VES_STATE", self.at("state"))
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        Ok(command)
    }

    /// Says these words and hears the answer.
    pub fn say(&self, words: &[&str]) -> Result<Answer> {
        let output = self.command(words)?.output()?;
        let answer = Answer {
            status: output.status.code().unwrap_or(-1),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        self.write_down(words, &answer)?;
        Ok(answer)
    }

    /// Starts it; what it says goes to the file `said`.
    pub fn begin(&self, words: &[&str]) -> Result<Child> {
        let said = fs::File::create(self.at("said"))?;
        programs::spawn(self.command(words)?.stdout(Stdio::null()).stderr(said))
    }

    /// Hears the end of what was begun.
    pub fn hear(&self, mut child: Child, words: &[&str]) -> Result<Answer> {
        let status = child.wait()?.code().unwrap_or(-1);
        let said = fs::read_to_string(self.at("said"))?;
        let answer = Answer { status, said };
        self.write_down(words, &answer)?;
        Ok(answer)
    }

    /// Demands that no process, mount or staging is left, nor a file of that name.
    pub fn nothing_left(&self, output: &str) -> Result<()> {
        let output = self.at(output);
        ensure!(!output.exists(), "{} was left", output.display());
        leftovers::none_below(self.folder.path())
    }

    fn write_down(&self, words: &[&str], answer: &Answer) -> Result<()> {
        let Some(folder) = std::env::var_os(TRANSCRIPTS) else {
            return Ok(());
        };
        fs::create_dir_all(&folder)?;
        let path = Path::new(&folder).join(format!("{}.txt", self.name));
        let before = fs::read_to_string(&path).unwrap_or_default();
        let words = words.join(" ");
        let Answer { status, said } = answer;
        // Where the folder was, is of no interest.
        let here = format!("{}/", self.folder.path().display());
        let text = format!("$ ves {words}\n{said}[exit status {status}]\n\n").replace(&here, "");
        fs::write(&path, before + &text).with_context(|| path.display().to_string())
    }
}

/// A path by which programs are found in this folder first, in which a tool of that name is this shell
/// script.
pub fn wrapped_tool(tools: &Path, tool: &str, script: &str) -> Result<String> {
    use std::os::unix::fs::PermissionsExt;
    fs::create_dir_all(tools)?;
    let path = tools.join(tool);
    fs::write(&path, format!("#!/bin/sh\n{script}\n"))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    let inherited = std::env::var("PATH")?;
    Ok(format!("{}:{inherited}", tools.display()))
}

impl Answer {
    /// Demands this exit status, and every one of these words.
    pub fn is(&self, status: i32, words: &[&str]) -> Result<()> {
        ensure!(self.status == status, "not {status}: {self:?}");
        for word in words {
            ensure!(self.said.contains(word), "no `{word}` in {self:?}");
        }
        Ok(())
    }
}
