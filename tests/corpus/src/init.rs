//! The `cosmos-init` program for tests of other crates, for which cargo does not build it.

use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{env, fs};

use anyhow::{Context, Result, ensure};

use crate::cache::target_directory;
use crate::run;

/// The program: `COSMOS_INIT`, else that of the build, which is brought up to date if one of its
/// sources is newer.
///
/// # Errors
/// When it cannot be built.
pub fn init_binary() -> Result<PathBuf> {
    if let Some(named) = env::var_os("COSMOS_INIT") {
        return Ok(named.into());
    }
    let path = target_directory().join("debug/cosmos-init");
    if modified(&path) < newest_source()? {
        build()?;
    }
    ensure!(
        path.is_file(),
        "{path:?} was not built; name the program in COSMOS_INIT"
    );
    fs::canonicalize(&path).with_context(|| format!("{path:?}"))
}

fn build() -> Result<()> {
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml");
    let manifest = manifest.display().to_string();
    let what = [
        "build",
        "--quiet",
        "-p",
        "stratum-init",
        "--bin",
        "cosmos-init",
    ];
    run(
        &cargo,
        what.into_iter().chain(["--manifest-path", &manifest]),
    )
    .map(drop)
}

fn newest_source() -> Result<Option<SystemTime>> {
    let mut folders =
        vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../stratum/stratum-init/src")];
    let mut newest = None;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("{folder:?}"))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                newest = newest.max(modified(&path));
            }
        }
    }
    Ok(newest)
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|m| m.modified()).ok()
}
