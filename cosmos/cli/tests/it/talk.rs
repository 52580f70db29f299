//! A person at a terminal with a folder of their own.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A folder, in which commands run, and nothing else of the machine that could be seen.
pub(crate) struct Desk(TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A path in the folder.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `ves` with these words.
    pub(crate) fn ves(&self, words: &str) -> Command {
        self.command(env!("CARGO_BIN_EXE_ves"), words)
    }

    fn command(&self, program: &str, words: &str) -> Command {
        let mut command = Command::new(program);
        command.args(words.split_whitespace());
        command.current_dir(self.0.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("XDG_STATE_HOME", self.at("state"));
        command.stdin(Stdio::null());
        command
    }

    /// `vvs` with these words.
    pub(crate) fn vvs(&self, words: &str) -> Command {
        self.command(env!("CARGO_BIN_EXE_vvs"), words)
    }

    /// `cosmos` with these words.
    pub(crate) fn cosmos(&self, words: &str) -> Command {
        self.command(env!("CARGO_BIN_EXE_cosmos"), words)
    }

    /// What `ves` with these words says, as it is seen, and how it ends.
    pub(crate) fn say(&self, words: &str) -> String {
        self.seen(&self.ves(words).output().unwrap())
    }

    /// Both outputs, with the folder's name taken out, then the exit status.
    pub(crate) fn seen(&self, output: &Output) -> String {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let all = format!("{}{}", text(&output.stdout), text(&output.stderr));
        let real = self.0.path().canonicalize().unwrap();
        let all = all.replace(&*real.to_string_lossy(), "DESK");
        format!("{all}exit {}\n", output.status.code().unwrap())
    }
}

/// A program's output as text.
pub(crate) fn output_of(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
