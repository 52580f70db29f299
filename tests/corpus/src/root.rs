//! The smallest image with a shell: programs of this machine, and their libraries.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// A tar archive of a root directory: programs of this machine by their paths, with their
/// libraries, and files that can be executed, by their paths from the root.
///
/// # Errors
/// When one of them is missing.
pub fn root_archive(programs: &[&str], files: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    let root = tempfile::tempdir()?;
    for directory in ["bin", "tmp", "proc", "dev", "sys", "etc"] {
        fs::create_dir(root.path().join(directory))?;
    }
    for program in programs {
        let name = Path::new(program).file_name().context("a program's name")?;
        fs::copy(program, root.path().join("bin").join(name))?;
        for library in libraries(program)? {
            copy(&library, root.path())?;
        }
    }
    for (path, text) in files {
        write(&root.path().join(path), text)?;
    }
    archive(root.path())
}

fn archive(root: &Path) -> Result<Vec<u8>> {
    let mut tar = Command::new("tar");
    let tar = tar.arg("-C").arg(root).args(["-c", "."]).output()?;
    ensure!(tar.status.success(), "tar failed");
    Ok(tar.stdout)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::create_dir_all(path.parent().context("a file's folder")?)?;
    fs::write(path, text)?;
    Ok(fs::set_permissions(path, Permissions::from_mode(0o755))?)
}

fn copy(library: &Path, root: &Path) -> Result<()> {
    let to = root.join(library.strip_prefix("/")?);
    fs::create_dir_all(to.parent().context("a library's folder")?)?;
    fs::copy(library, to)?;
    Ok(())
}

/// The absolute paths in what `ldd` says, the dynamic linker's among them.
fn libraries(program: &str) -> Result<Vec<PathBuf>> {
    let output = Command::new("ldd").arg(program).output()?;
    let text = String::from_utf8(output.stdout)?;
    let paths = text.split_whitespace().filter(|word| word.starts_with('/'));
    Ok(paths.map(PathBuf::from).collect())
}
