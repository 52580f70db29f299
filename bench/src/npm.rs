//! Libraries of Node that a measurement needs, installed once.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use tokio::process::Command;

use crate::server::find;

/// Written when the library has been installed.
const INSTALLED: &str = "installed";

/// Puts `files` into the folder `home`, and there what the one named `package-lock.json` pins.
/// Nothing is downloaded where that was done before. No script of a package is run.
pub async fn install(home: &Path, files: &[(&str, &str)]) -> Result<()> {
    fs::create_dir_all(home)?;
    for (name, text) in files {
        fs::write(home.join(name), text)?;
    }
    let lock = files.iter().find(|(name, _)| *name == "package-lock.json");
    let lock = lock.map_or("", |(_, text)| *text);
    let installed = home.join(INSTALLED);
    if fs::read_to_string(&installed).is_ok_and(|of| of == lock) {
        return Ok(());
    }
    eprintln!("bench: installing {} with npm, once", home.display());
    let mut npm = Command::new(find("npm")?);
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    let output = npm.current_dir(home).kill_on_drop(true).output().await?;
    ensure!(
        output.status.success(),
        "npm cannot install it: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    fs::write(installed, lock)?;
    Ok(())
}
