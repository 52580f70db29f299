//! Running a command as a whole: wall clock, processor time and memory of all it started.

use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde::Serialize;

/// What a run cost.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    pub wall_s: f64,
    /// User and system time of the command and of every descendant that was waited for.
    pub cpu_s: f64,
    #[serde(skip)]
    pub stdout: String,
}

/// Runs `command` to its end; anything but success is an error with its last words.
pub fn run(command: &mut Command) -> Result<Run> {
    let cpu_before = children_cpu()?;
    let start = Instant::now();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let wall_s = start.elapsed().as_secs_f64();
    check(command, output.status, &output.stderr)?;
    Ok(Run {
        wall_s,
        cpu_s: children_cpu()? - cpu_before,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
    })
}

fn check(command: &Command, status: ExitStatus, stderr: &[u8]) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(stderr);
    let last: Vec<&str> = words.lines().rev().take(5).collect();
    bail!(
        "{} ended with {status}: {}",
        command.get_program().display(),
        last.join(" | ")
    )
}

/// Processor seconds of all descendants waited for so far, from /proc/self/stat.
fn children_cpu() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(')').next().context("/proc/self/stat")?;
    // Fields 16 and 17 of proc(5), counted from the state field, which is number 3.
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(13)
        .take(2)
        .filter_map(|t| t.parse::<u64>().ok())
        .sum();
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}
