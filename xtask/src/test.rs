//! Every test of the workspace, on a machine that may have nothing yet.

mod engine;
mod measuring;

use std::fs;
use std::io::{BufRead, BufReader, IsTerminal, Write, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::install::{self, CURL, DOCKER, DOCKER_REGISTRY, FFMPEG, FUSE, IP, POSTGRES, PROMETHEUS};
use crate::sh;

/// Tests that skip append a line to the file this variable names.
const SKIP_LOG: &str = "COSMOS_SKIP_LOG";
/// How functions that are called by tests find the ffmpeg that measures, and the one that has VVC: it is
/// the same one.
const SPECIAL: [&str; 2] = ["COSMOS_TOOL_FFMPEG_QUALITY", "COSMOS_TOOL_FFMPEG_VVC"];

/// Installs, builds, runs; the runner's summary is the last line.
pub fn run(args: &[String]) -> Result<()> {
    install::ensure(&[
        FFMPEG,
        POSTGRES,
        DOCKER,
        DOCKER_REGISTRY,
        FUSE,
        CURL,
        IP,
        PROMETHEUS,
    ]);
    install::ensure_nextest()?;
    let _engine = engine::start();
    // Tests start the platform's own programs, so these must be there and fresh.
    sh::run(sh::cargo(["build", "--workspace", "--bins"]))?;
    let skips = fresh_skip_log()?;
    let outcome = nextest(args, &skips)?;
    report_skips(&fs::read_to_string(&skips).unwrap_or_default());
    println!("{}", outcome.summary.trim());
    stdout().flush()?;
    ensure!(outcome.passed, "tests failed");
    Ok(())
}

struct Outcome {
    passed: bool,
    summary: String,
}

fn fresh_skip_log() -> Result<PathBuf> {
    let log = sh::target_dir()?.join("skipped-tests.log");
    fs::write(&log, "").with_context(|| log.display().to_string())?;
    Ok(log)
}

/// Without arguments this is every test of the workspace, since its root is no package.
fn nextest(args: &[String], skips: &Path) -> Result<Outcome> {
    let color = format!(
        "--color={}",
        if stderr().is_terminal() {
            "always"
        } else {
            "never"
        }
    );
    let mut command = sh::cargo(["nextest", "run", "--no-fail-fast", &color]);
    command.args(args).env(SKIP_LOG, skips);
    let special = measuring::tool();
    let special = special
        .iter()
        .flat_map(|tool| SPECIAL.map(|name| (name, tool)));
    command.envs(special);
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    echo(command)
}

/// Runs it, passes its standard error on as it comes, and keeps the summary.
fn echo(mut command: Command) -> Result<Outcome> {
    let mut child = command.spawn().with_context(|| sh::show(&command))?;
    let summary = child
        .stderr
        .take()
        .map(pass_on)
        .transpose()?
        .unwrap_or_default();
    Ok(Outcome {
        passed: child.wait()?.success(),
        summary,
    })
}

fn pass_on(from: ChildStderr) -> Result<String> {
    let mut summary = String::new();
    let mut lines = BufReader::new(from);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        stderr().write_all(&line)?;
        let text = plain(&String::from_utf8_lossy(&line));
        if text.trim_start().starts_with("Summary [") {
            summary = text;
        }
        line.clear();
    }
    Ok(summary)
}

/// The text without the colours of a terminal.
fn plain(line: &str) -> String {
    let mut pieces = line.split('\u{1b}');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| {
        text + piece.split_once('m').map_or("", |(_, rest)| rest)
    })
}

fn report_skips(log: &str) {
    let skips: Vec<_> = log.lines().collect();
    for skip in &skips {
        eprintln!("SKIPPED: {skip}");
    }
    if !skips.is_empty() {
        eprintln!("xtask: {} check(s) SKIPPED on this machine", skips.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_found_among_the_lines_and_bared_of_colour() {
        let script = "printf 'PASS a\\n\\033[32;1m     Summary\\033[0m [ 0.1s] 2 tests run\\nlast\\n' >&2; exit 3";
        let mut command = sh::program("sh", ["-c", script]);
        command.stderr(Stdio::piped());
        let outcome = echo(command).expect("a shell");
        assert_eq!(outcome.summary.trim(), "Summary [ 0.1s] 2 tests run");
        assert!(!outcome.passed);
    }
}
