//! The walk-through of the README runs as it is printed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use corpus::Clip;
use e2e::programs;

/// The blocks that are marked as shell, one after the other.
fn walk_through(readme: &str) -> String {
    let blocks = readme.split("```sh\n").skip(1);
    let blocks = blocks.filter_map(|rest| rest.split_once("```"));
    blocks.map(|(block, _)| block).collect()
}

/// Where the programs of the text are, in the order in which they are looked for.
fn path() -> Result<String> {
    let programs = programs::path("ves")?;
    let programs = programs.parent().context("a program lies in a folder")?;
    let examples = programs.join("examples");
    let inherited = std::env::var("PATH")?;
    Ok(format!(
        "{}:{}:{inherited}",
        programs.display(),
        examples.display()
    ))
}

/// The text says which ports there are: it runs in a network of its own, where they are free,
/// and everything it starts ends with it.
fn in_a_network_of_its_own(script: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args([
        "--net",
        "--pid",
        "--mount-proc",
        "--fork",
        "--kill-child",
        "bash",
        "-euc",
    ]);
    command.arg(format!("ip link set lo up; source {}", script.display()));
    command
}

fn is_possible() -> bool {
    let tools = ["curl", "unshare", "ip", "bash"];
    let found = |tool: &&str| {
        let mut which = Command::new("sh");
        which.args(["-c", &format!("command -v {tool}")]);
        which
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
    };
    tools.iter().all(found)
        && in_a_network_of_its_own(Path::new("/dev/null"))
            .output()
            .is_ok_and(|tried| tried.status.success())
}

#[test]
fn the_walk_through_runs_as_printed() -> Result<()> {
    if !is_possible() {
        corpus::skip(
            "the README's walk-through",
            "no network of its own, or no curl",
        );
        return Ok(());
    }
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let script = walk_through(&fs::read_to_string(readme)?);
    let folder = tempfile::tempdir()?;
    let at = |name: &str| -> PathBuf { folder.path().join(name) };
    fs::copy(corpus::clip(Clip::Tiny(30))?, at("film.mp4"))?;
    fs::write(at("walk.sh"), &script)?;
    let ran = in_a_network_of_its_own(&at("walk.sh"))
        .current_dir(folder.path())
        .env("PATH", path()?)
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&ran.stdout);
    let complained = String::from_utf8_lossy(&ran.stderr);
    ensure!(ran.status.success(), "{said}\n{complained}\n{script}");
    for output in ["by-curl.mp4", "by-client.mp4", "by-shell.mp4", "played.mp4"] {
        ensure!(
            script.contains(output),
            "the README no longer makes {output}"
        );
        let frames =
            corpus::frames(&at(output)).with_context(|| format!("{said}\n{complained}"))?;
        ensure!(frames.len() == 30, "{output} has {} frames", frames.len());
    }
    ensure!(said.contains("REQUEST_STATE_SUCCEEDED"), "{said}");
    Ok(())
}
