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
    let mut hash = Hasher::default();
    hash.update(&program(path)?.to_bytes());
    for (name, library) in libraries(path)? {
        let metadata = fs::metadata(&library)?;
        let line = format!("{name} {} {}\n", metadata.size(), metadata.mtime());
        hash.update(line.as_bytes());
    }
    Ok(hash.finish())
}

/// Where a file lies, how long it is, and when it was written to and changed: what tells another file at
/// its path, also one whose time was set back.
#[derive(PartialEq, Eq)]
struct Stamp {
    file: [u64; 3],
    written: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Self> {
        let file = fs::metadata(path)?;
        Ok(Self {
            file: [file.dev(), file.ino(), file.size()],
            written: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        })
    }
}

/// Programs of this process's tools: many functions have the same few, one of which may be a static program
/// of hundreds of megabytes.
static KNOWN: Mutex<BTreeMap<PathBuf, (Stamp, Digest)>> = Mutex::new(BTreeMap::new());

/// The digest of a program's own bytes, read again when it is another file or was written to.
fn program(path: &Path) -> io::Result<Digest> {
    let stamp = Stamp::of(path)?;
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    match known.get(path) {
        Some((read, digest)) if *read == stamp => Ok(*digest),
        _ => {
            let digest = file(path)?;
            known.insert(path.to_owned(), (stamp, digest));
            Ok(digest)
        }
    }
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
    #[test]
    fn a_program_that_takes_the_place_of_another_is_told_though_it_is_as_long_and_as_old() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("script");
        fs::write(&path, "#!/bin/sh\n# one\n").unwrap();
        let (before, time) = (
            tool(&path).unwrap(),
            fs::metadata(&path).unwrap().modified().unwrap(),
        );
        let next = directory.path().join("next");
        fs::write(&next, "#!/bin/sh\n# two\n").unwrap();
        File::options()
            .write(true)
            .open(&next)
            .unwrap()
            .set_modified(time)
            .unwrap();
        fs::rename(&next, &path).unwrap();
        assert_ne!(tool(&path).unwrap(), before);
    }

    /// Of a program that stays as it is.
    #[test]
    fn a_library_that_changes_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let cc = |words: &[&str]| {
            let done = Command::new("cc")
                .current_dir(directory.path())
                .args(words)
                .status();
            assert!(done.unwrap().success());
        };
        fs::write(at("x.c"), "int x(void) { return 0; }").unwrap();
        fs::write(at("main.c"), "int x(void); int main(void) { return x(); }").unwrap();
        cc(&["-shared", "-fPIC", "-o", "libx.so", "x.c"]);
        let rpath = format!("-Wl,-rpath,{}", directory.path().display());
        cc(&["-o", "main", "main.c", "-L.", "-lx", &rpath]);
        let before = tool(&at("main")).unwrap();
        let mut library = fs::read(at("libx.so")).unwrap();
        library.push(0);
        fs::write(at("libx.so"), library).unwrap();
        assert_ne!(tool(&at("main")).unwrap(), before);
    }
}
