//! What a program is, so that another build of it is told from this one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use blob::{Digest, Hasher};

/// The digest of a file's bytes.
pub(crate) fn file(path: &Path) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    let mut hash = Hasher::default();
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.finish()),
            count => hash.update(&buffer[..count]),
        }
    }
}

/// The digest of a tool: its own bytes, and the name, size and time of every
/// shared library that it loads. Packages keep those times, so hosts with the
/// same packages agree; reading hundreds of megabytes of libraries at every start is spared.
pub(crate) fn tool(path: &Path) -> io::Result<Digest> {
    let metadata = fs::metadata(path)?;
    let key = (path.to_owned(), metadata.mtime(), metadata.size());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(digest) = known.get(&key) {
        return Ok(*digest);
    }
    let digest = read(path)?;
    known.insert(key, digest);
    Ok(digest)
}

/// Tools of this process's functions by path, time and size: many functions have the same few, one of which
/// may be a static program of hundreds of megabytes.
static KNOWN: Mutex<BTreeMap<(PathBuf, i64, u64), Digest>> = Mutex::new(BTreeMap::new());

fn read(path: &Path) -> io::Result<Digest> {
    let mut hash = Hasher::default();
    hash.update(&file(path)?.to_bytes());
    for (name, library) in libraries(path)? {
        let metadata = fs::metadata(&library)?;
        let line = format!("{name} {} {}\n", metadata.size(), metadata.mtime());
        hash.update(line.as_bytes());
    }
    Ok(hash.finish())
}

/// The libraries of a program by name, as the dynamic linker finds them; none for
/// a static program or a script.
fn libraries(program: &Path) -> io::Result<BTreeMap<String, PathBuf>> {
    let output = Command::new("ldd")
        .arg(program)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()?;
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(lines.lines().filter_map(library).collect())
}

/// `libz.so.1 => /lib/libz.so.1 (0x00007f…)`
fn library(line: &str) -> Option<(String, PathBuf)> {
    let (name, rest) = line.trim().split_once(" => ")?;
    let (path, _) = rest.rsplit_once(" (")?;
    let path = fs::canonicalize(path).ok()?;
    Some((name.to_owned(), path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_dynamic_program_has_libraries_and_a_script_has_none() {
        let me = std::env::current_exe().unwrap();
        assert!(
            libraries(&me)
                .unwrap()
                .keys()
                .any(|name| name.starts_with("libc."))
        );
        let directory = tempfile::tempdir().unwrap();
        let script = directory.path().join("script");
        fs::write(&script, "#!/bin/sh\n").unwrap();
        assert_eq!(libraries(&script).unwrap(), BTreeMap::new());
        assert_eq!(tool(&script).unwrap(), tool(&script).unwrap());
        assert_ne!(tool(&script).unwrap(), tool(&me).unwrap());
    }
}
