//! The smallest image with a shell: a few programs of this machine and their libraries.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PROGRAMS: [&str; 4] = ["/bin/dash", "/bin/cat", "/usr/bin/tail", "/bin/sleep"];

/// A tar archive of the root directory.
pub fn tar() -> Vec<u8> {
    let root = tempfile::tempdir().unwrap();
    for directory in ["bin", "work", "tmp", "proc", "dev", "sys", "etc"] {
        fs::create_dir(root.path().join(directory)).unwrap();
    }
    for program in PROGRAMS {
        let name = Path::new(program).file_name().unwrap();
        fs::copy(program, root.path().join("bin").join(name)).unwrap();
        libraries(program)
            .iter()
            .for_each(|library| copy(library, root.path()));
    }
    let mut tar = Command::new("tar");
    let tar = tar
        .arg("-C")
        .arg(root.path())
        .args(["-c", "."])
        .output()
        .unwrap();
    assert!(tar.status.success());
    tar.stdout
}

fn copy(library: &Path, root: &Path) {
    let to = root.join(library.strip_prefix("/").unwrap());
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(library, to).unwrap();
}

/// The absolute paths in what `ldd` says, the dynamic linker's among them.
fn libraries(program: &str) -> Vec<PathBuf> {
    let output = Command::new("ldd").arg(program).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let paths = text.split_whitespace().filter(|word| word.starts_with('/'));
    paths.map(PathBuf::from).collect()
}
