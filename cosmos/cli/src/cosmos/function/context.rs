//! What an image is built from: the folder of a function, as a tar archive.
//!
//! The same folder gives the same bytes: names in order, no times, no owners. So an engine finds
//! in its cache what it has built before.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use errors::Error;
use stratum::{Function, IMAGE_PROGRAMS};

use crate::explain::one_line;

const DOCKERFILE: &str = "Dockerfile";
const DECLARATION: &str = "function.yaml";
/// The largest folder, in bytes.
const LARGEST: u64 = 1 << 30;
/// What a tar archive is made of.
const BLOCK: usize = 512;

/// The context of a function's image: its own Dockerfile, else one that puts its folder on `base`
/// or its own one; with the program, where that lies elsewhere.
pub(super) fn context(
    folder: &Path,
    function: &Function,
    base: Option<&str>,
    program: Option<&Path>,
) -> Result<Vec<u8>, Error> {
    let own = folder.join(DOCKERFILE).is_file();
    let mut archive = Archive::default();
    for path in files(folder)? {
        // What is declared is no part of what is made; so the image stays the same.
        if own || path != Path::new(DECLARATION) {
            archive.add(folder, &path)?;
        }
    }
    if let Some((program, name)) = program.zip(function.command.first()) {
        let bytes = fs::read(program).map_err(unreadable(program))?;
        archive.file(Path::new(name), 0o755, &bytes)?;
    }
    if !own {
        let base = base.or(function.base.as_deref()).ok_or_else(no_base)?;
        let text = format!("FROM {base}\nCOPY . {IMAGE_PROGRAMS}/\n");
        archive.file(Path::new(DOCKERFILE), 0o644, text.as_bytes())?;
        let not_itself = format!("{DOCKERFILE}\n.dockerignore\n");
        archive.file(Path::new(".dockerignore"), 0o644, not_itself.as_bytes())?;
    }
    Ok(archive.finish())
}

fn no_base() -> Error {
    let message = "there is neither a Dockerfile in the folder nor a `base` in function.yaml";
    Error::user("NO_BASE", message)
        .at("FUNCTION")
        .hint("write `base: debian:bookworm-slim`, or any image that has what the program needs")
}

/// Every file and link below a folder, from it, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let (mut found, mut folders, mut size) = (vec![], vec![folder.to_owned()], 0);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).map_err(unreadable(&next))? {
            let entry = entry.map_err(unreadable(&next))?;
            let (path, kind) = (entry.path(), entry.metadata());
            let kind = kind.map_err(unreadable(&path))?;
            if kind.is_dir() {
                folders.push(path);
                continue;
            }
            size += kind.len();
            found.extend(path.strip_prefix(folder).map(Path::to_owned));
        }
    }
    found.sort();
    match size <= LARGEST {
        true => Ok(found),
        false => Err(unfit("holds more than 1 GiB", folder)),
    }
}

/// A tar archive, as POSIX has it.
#[derive(Default)]
struct Archive(Vec<u8>);

impl Archive {
    fn add(&mut self, folder: &Path, path: &Path) -> Result<(), Error> {
        let full = folder.join(path);
        let found = fs::symlink_metadata(&full).map_err(unreadable(&full))?;
        if found.is_symlink() {
            let target = fs::read_link(&full).map_err(unreadable(&full))?;
            return self.header(path, 0o777, 0, b'2', &target);
        }
        if !found.is_file() {
            return Err(unfit("is neither a file nor a link", &full));
        }
        // Who may run it, may; nothing else of its rights is another host's matter.
        let runs = found.permissions().mode() & 0o111 != 0;
        let bytes = fs::read(&full).map_err(unreadable(&full))?;
        self.file(path, if runs { 0o755 } else { 0o644 }, &bytes)
    }

    fn file(&mut self, path: &Path, mode: u32, bytes: &[u8]) -> Result<(), Error> {
        self.header(path, mode, bytes.len(), b'0', Path::new(""))?;
        self.0.extend_from_slice(bytes);
        self.0.resize(self.0.len().next_multiple_of(BLOCK), 0);
        Ok(())
    }

    fn header(
        &mut self,
        path: &Path,
        mode: u32,
        size: usize,
        kind: u8,
        link: &Path,
    ) -> Result<(), Error> {
        let (prefix, name) = split(path).ok_or_else(|| unfit("has too long a name", path))?;
        let mut block = [0; BLOCK];
        let mut put = |at: usize, bytes: &[u8]| {
            let end = at + bytes.len();
            block[at..end].copy_from_slice(bytes);
        };
        let link = link.as_os_str().as_encoded_bytes();
        if link.len() > 100 {
            return Err(unfit("is a link to too long a name", path));
        }
        put(0, name);
        put(100, format!("{mode:07o}\0").as_bytes());
        put(108, b"0000000\x000000000\0");
        put(124, format!("{size:011o}\0").as_bytes());
        put(136, b"00000000000\0        ");
        put(156, &[kind]);
        put(157, link);
        put(257, b"ustar\x0000");
        put(345, prefix);
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        self.0.extend_from_slice(&block);
        Ok(())
    }

    fn finish(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 2 * BLOCK, 0);
        self.0
    }
}

/// A name has room for 100 bytes, and for 155 more before one of its slashes.
fn split(path: &Path) -> Option<(&[u8], &[u8])> {
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.len() <= 100 {
        return Some((b"", bytes));
    }
    let slashes = (0..bytes.len()).filter(|at| bytes[*at] == b'/');
    let mut splits = slashes.map(|at| (&bytes[..at], &bytes[at + 1..]));
    splits.find(|(prefix, name)| prefix.len() <= 155 && name.len() <= 100)
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = one_line(&path.display().to_string());
    move |error| Error::user("UNREADABLE", format!("{path}: {error}")).at("FUNCTION")
}

fn unfit(why: &str, path: &Path) -> Error {
    let path = one_line(&path.display().to_string());
    Error::user("CONTEXT_UNFIT", format!("{path} {why}")).at("FUNCTION")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::process::Command;

    use super::*;

    fn function(more: &str) -> Function {
        let yaml = format!("name: f\nversion: '1'\ncommand: [f.sh]\n{more}");
        Function::from_yaml(&yaml).unwrap()
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a".repeat(90)).join("b".repeat(90));
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("deep"), "x".repeat(700)).unwrap();
        fs::write(folder.path().join(DECLARATION), "").unwrap();
        let program = folder.path().join("f.sh");
        fs::write(&program, "#!/bin/sh\n").unwrap();
        fs::set_permissions(program, fs::Permissions::from_mode(0o750)).unwrap();
        std::os::unix::fs::symlink("f.sh", folder.path().join("link")).unwrap();
        folder
    }

    #[test]
    fn a_folder_is_an_archive_that_tar_unpacks() {
        let folder = folder();
        let function = function("base: debian:12");
        let bytes = context(folder.path(), &function, None, None).unwrap();
        let unpacked = tempfile::tempdir().unwrap();
        let archive = unpacked.path().join("archive.tar");
        fs::write(&archive, &bytes).unwrap();
        let mut tar = Command::new("tar");
        tar.arg("-C").arg(unpacked.path()).arg("-xf").arg(&archive);
        assert!(tar.status().unwrap().success());
        let at = |name: &str| unpacked.path().join(name);
        assert_eq!(fs::read_to_string(at("f.sh")).unwrap(), "#!/bin/sh\n");
        let mode = fs::metadata(at("f.sh")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
        assert_eq!(fs::read_link(at("link")).unwrap(), Path::new("f.sh"));
        let deep = at(&"a".repeat(90)).join("b".repeat(90)).join("deep");
        assert_eq!(fs::metadata(deep).unwrap().len(), 700);
        let made = fs::read_to_string(at(DOCKERFILE)).unwrap();
        assert_eq!(made, "FROM debian:12\nCOPY . /function/\n");
        assert!(!at(DECLARATION).exists());
        assert_eq!(
            bytes,
            context(folder.path(), &function, None, None).unwrap()
        );
    }

    #[test]
    fn a_program_of_elsewhere_comes_along_and_a_base_can_be_another() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let program = elsewhere.path().join("built");
        fs::write(&program, "#!/bin/sh\n# of elsewhere\n").unwrap();
        let function = function("base: debian:12");
        let bytes = context(folder.path(), &function, Some("own:1"), Some(&program)).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            text.contains("f.sh\0") && text.contains("# of elsewhere"),
            "{text}"
        );
        assert!(
            text.contains("FROM own:1\n") && !text.contains("debian"),
            "{text}"
        );
    }

    #[test]
    fn without_a_dockerfile_there_must_be_a_base() {
        let folder = folder();
        let error = context(folder.path(), &function(""), None, None).unwrap_err();
        assert_eq!(error.code, "NO_BASE");
        fs::write(folder.path().join(DOCKERFILE), "FROM scratch\n").unwrap();
        let own = context(folder.path(), &function(""), None, None).unwrap();
        let own = String::from_utf8_lossy(&own);
        assert!(own.contains("FROM scratch") && own.contains(DECLARATION));
    }
}
