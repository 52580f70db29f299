//! The programs under test, as the build put them.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// A command that runs the program `name` of this build.
pub fn program(name: &str) -> Result<Command> {
    Ok(Command::new(path(name)?))
}

/// Where the program `name` of this build is: beside this one or one folder up,
/// as tests lie in `deps/`.
pub fn path(name: &str) -> Result<PathBuf> {
    let exe = std::env::current_exe()?;
    let folders = exe.ancestors().skip(1).take(2);
    for folder in folders {
        let candidate = folder.join(name);
        if candidate.is_file() {
            return Ok(candidate);
        }
    }
    bail!(
        "{name} was not built; run `cargo build --workspace --bins` first (`cargo xtask test` does)"
    )
}

/// Adds the program's name to a failed start.
pub fn spawn(command: &mut Command) -> Result<std::process::Child> {
    command
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().display()))
}
