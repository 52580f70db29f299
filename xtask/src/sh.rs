//! Running other programs, with errors that show the command line.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// Makes the workspace root the current directory.
pub fn enter_workspace() -> Result<()> {
    let here = env::var_os("CARGO_MANIFEST_DIR").context("run this as `cargo xtask`")?;
    let root = Path::new(&here)
        .parent()
        .context("xtask lies in no workspace")?;
    env::set_current_dir(root).with_context(|| root.display().to_string())
}

/// Where cargo builds, created when missing.
pub fn target_dir() -> Result<PathBuf> {
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    fs::create_dir_all(&target).with_context(|| target.display().to_string())?;
    Ok(target.canonicalize()?)
}

/// The cargo that runs us, ready to be given to [`run`].
pub fn cargo<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args);
    // Set for us by `cargo run`; build scripts of others must not see it.
    command.env_remove("CARGO_MANIFEST_DIR");
    command
}

/// Any program, ready to be given to [`run`].
pub fn program<S: AsRef<OsStr>>(name: &str, args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(name);
    command.args(args);
    command
}

/// Runs to the end with our own output; fails when the program fails.
pub fn run(mut command: Command) -> Result<()> {
    let line = show(&command);
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| line.clone())?;
    ensure!(status.success(), "`{line}` ended with {status}");
    Ok(())
}

/// Runs to the end and returns what it printed on standard output.
pub fn capture(mut command: Command) -> Result<String> {
    let line = show(&command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| line.clone())?;
    if !output.status.success() {
        bail!(
            "`{line}` ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Builds every program of the workspace in release mode, since they start one another, and runs
/// one of them: as it was built, as asking cargo for one package would build its libraries again.
pub fn release(name: &str, args: &[String]) -> Result<()> {
    let build = ["build", "--release", "--workspace", "--bins", "--quiet"];
    run(cargo(build))?;
    let program = target_dir()?.join("release").join(name);
    run(self::program(&program.to_string_lossy(), args))
}

/// Builds a program of the crates `bench` and `cli` as it is shipped, with those that it starts, and
/// runs it.
pub fn shipped(features: &[&str], name: &str, others: &[&str], args: &[String]) -> Result<()> {
    let build = ["build", "--profile", "dist", "--quiet"];
    let packages = ["-p", "bench", "-p", "cli", "--bin", name];
    let others = others.iter().flat_map(|other| ["--bin", other]);
    let features = features.iter().flat_map(|feature| ["--features", feature]);
    let build = build.into_iter().chain(packages).chain(others);
    run(cargo(build.chain(features)))?;
    let program = target_dir()?.join("dist").join(name);
    run(self::program(&program.to_string_lossy(), args))
}

/// Whether it runs and succeeds; its output is thrown away.
pub fn succeeds(mut command: Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Where a program lies: on the path, or in the folders where Debian keeps daemons.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let daemons = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path)
        .chain(daemons)
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

/// A command line as a person would type it.
pub fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}
