//! CLIPS, by its package for Python, in an environment of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Run;

/// What is measured.
pub(crate) const VERSION: &str = "CLIPS 6.4 by clipspy 1.0.6";

const REQUIREMENTS: &str = include_str!("../../peers/clips/requirements.txt");
const FILES: [(&str, &str); 3] = [
    ("requirements.txt", REQUIREMENTS),
    ("driver.py", include_str!("../../peers/clips/driver.py")),
    ("rules.clp", include_str!("../../peers/clips/rules.clp")),
];
/// Holds the requirements once they are installed.
const INSTALLED: &str = "installed.txt";

pub(crate) struct Clips {
    home: PathBuf,
}

/// Puts it beside the scratch folders, once.
pub(crate) fn install(folder: &Path) -> Result<Clips> {
    fs::create_dir_all(folder)?;
    let home = folder.canonicalize()?.join("clips");
    fs::create_dir_all(&home)?;
    for (name, text) in FILES {
        fs::write(home.join(name), text)?;
    }
    let installed = home.join(INSTALLED);
    if !fs::read_to_string(&installed).is_ok_and(|of| of == REQUIREMENTS) {
        eprintln!("bench: installing CLIPS with pip, once");
        run(Command::new("python3")
            .args(["-m", "venv", "env"])
            .current_dir(&home))?;
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
            "requirements.txt",
        ];
        run(Command::new(home.join("env/bin/python3"))
            .args(pip)
            .current_dir(&home))?;
        fs::write(installed, REQUIREMENTS)?;
    }
    Ok(Clips { home })
}

impl Clips {
    pub(crate) fn run(&self, titles: u64, chunks: u64) -> Result<Run> {
        let mut driver = Command::new(self.home.join("env/bin/python3"));
        driver
            .arg("driver.py")
            .args([titles.to_string(), chunks.to_string()])
            .arg("rules.clp");
        let answer = run(driver.current_dir(&self.home))?;
        serde_json::from_str(&answer).with_context(|| format!("CLIPS answered {answer}"))
    }
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8(output.stdout)?)
}
