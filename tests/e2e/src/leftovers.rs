//! What a run must not leave behind: processes, mounts, staging.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rustix::process::Pid;

/// How long the kernel may take to reap what was killed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Demands that, soon, no process names `folder`, nothing is mounted below it,
/// and no staging is left in it.
pub fn none_below(folder: &Path) -> Result<()> {
    soon_none(|| below(folder))
}

/// Demands that, soon, no process names `folder`. Staging may remain: the next start sweeps it.
pub fn no_processes_below(folder: &Path) -> Result<()> {
    soon_none(|| processes(folder))
}

fn soon_none(look: impl Fn() -> Result<Vec<String>>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = look()?;
        if found.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("left behind:\n{}", found.join("\n"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn below(folder: &Path) -> Result<Vec<String>> {
    let mut found = processes(folder)?;
    found.extend(mounts(folder)?);
    found.extend(
        staging(folder)?
            .into_iter()
            .map(|path| format!("staging {}", path.display())),
    );
    Ok(found)
}

/// Processes whose command line or working directory names the folder, but for this one.
fn processes(folder: &Path) -> Result<Vec<String>> {
    let name = folder.to_string_lossy();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let pid = entry.file_name().to_string_lossy().into_owned();
        if !pid.bytes().all(|byte| byte.is_ascii_digit()) || pid == std::process::id().to_string() {
            continue;
        }
        let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).replace('\0', " ");
        let cwd = fs::read_link(entry.path().join("cwd")).unwrap_or_default();
        if words.contains(&*name) || cwd.starts_with(folder) {
            found.push(format!("process {pid}: {words}"));
        }
    }
    Ok(found)
}

/// Children of a process that still run: one that has ended and was not collected does not.
pub fn children(parent: Pid) -> Result<Vec<i32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // proc(5): after the name in parentheses come the state and the parent's number.
        let mut fields = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace();
        let (state, ppid) = (fields.next(), fields.next());
        if ppid == Some(&parent.as_raw_nonzero().to_string()) && state != Some("Z") {
            found.extend(entry.file_name().to_string_lossy().parse::<i32>());
        }
    }
    Ok(found)
}

fn mounts(folder: &Path) -> Result<Vec<String>> {
    let table = fs::read_to_string("/proc/self/mounts")?;
    let name = folder.to_string_lossy();
    Ok(table
        .lines()
        .filter(|line| line.contains(&*name))
        .map(|line| format!("mount {line}"))
        .collect())
}

/// Entries of every folder called `staging` below `folder`.
fn staging(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let Ok(entries) = fs::read_dir(&next) else {
            continue;
        };
        for entry in entries.flatten().filter(|entry| entry.path().is_dir()) {
            if entry.file_name() == "staging" {
                found.extend(
                    fs::read_dir(entry.path())?
                        .flatten()
                        .map(|left| left.path()),
                );
            } else {
                folders.push(entry.path());
            }
        }
    }
    Ok(found)
}
