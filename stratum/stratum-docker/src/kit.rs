//! What a container is given of the host so that `cosmos-init` runs in any image: the program,
//! and the dynamic linker and libraries that it was built for.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::EngineError;
use crate::error::file;

/// Where it lies in a container.
const FOLDER: &str = "/.cosmos";

/// Files of the host by their place in a container, and how they are run.
#[derive(Clone, Debug)]
pub(crate) struct Kit {
    pub(crate) files: Vec<(PathBuf, String)>,
    loader: bool,
}

impl Kit {
    pub(crate) fn of(init: &Path) -> Result<Self, EngineError> {
        let init = init.canonicalize().map_err(file(init))?;
        let said = Command::new("ldd")
            .arg(&init)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .output();
        let said = String::from_utf8_lossy(&said.map_err(file(&init))?.stdout).into_owned();
        Ok(Self::new(init, &said))
    }

    /// `said` is what `ldd` says of `init`; nothing of use when that is a static program.
    fn new(init: PathBuf, said: &str) -> Self {
        let libraries = said.lines().filter_map(library);
        let libraries = libraries.map(|(name, path)| (path, format!("{FOLDER}/lib/{name}")));
        let loader = said.lines().find_map(loader);
        let program = (init, format!("{FOLDER}/init"));
        Self {
            loader: loader.is_some(),
            files: loader
                .map(|path| (path, format!("{FOLDER}/loader")))
                .into_iter()
                .chain(libraries)
                .chain([program])
                .collect(),
        }
    }

    /// The first process of a container, which calls its host at `socket`.
    pub(crate) fn command(&self, socket: &str) -> Vec<String> {
        let loader = ["loader", "--library-path", "lib"];
        let loader = loader.map(|word| match word.starts_with('-') {
            true => word.to_owned(),
            false => format!("{FOLDER}/{word}"),
        });
        let loader = loader.into_iter().filter(|_| self.loader);
        let program = [format!("{FOLDER}/init"), socket.to_owned()];
        loader.chain(program).collect()
    }

    /// Where the control socket's directory lies in a container.
    pub(crate) fn control() -> String {
        format!("{FOLDER}/control")
    }
}

/// `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f…)`
fn library(line: &str) -> Option<(String, PathBuf)> {
    let (name, rest) = line.trim().split_once(" => ")?;
    let (path, _) = rest.rsplit_once(" (")?;
    let is_name = !name.contains('/') && path.starts_with('/');
    is_name.then(|| (name.to_owned(), path.into()))
}

/// `/lib64/ld-linux-x86-64.so.2 (0x00007f…)`
fn loader(line: &str) -> Option<PathBuf> {
    let (path, _) = line.trim().rsplit_once(" (")?;
    (path.starts_with('/') && !path.contains(" => ")).then(|| path.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dynamic_program_brings_its_linker_and_libraries() {
        let said = "\tlinux-vdso.so.1 (0x00007ffe)\n\
            \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f01)\n\
            \t/lib64/ld-linux-x86-64.so.2 (0x00007f02)\n";
        let kit = Kit::new("/opt/cosmos-init".into(), said);
        let places: Vec<_> = kit.files.iter().map(|(_, place)| place.as_str()).collect();
        let expected = ["/.cosmos/loader", "/.cosmos/lib/libc.so.6", "/.cosmos/init"];
        assert_eq!(places, expected);
        let command = "/.cosmos/loader --library-path /.cosmos/lib /.cosmos/init /s";
        assert_eq!(kit.command("/s").join(" "), command);
    }

    #[test]
    fn a_static_program_is_run_as_it_is() {
        let kit = Kit::new("/opt/cosmos-init".into(), "\tstatically linked\n");
        assert_eq!(kit.files.len(), 1);
        assert_eq!(kit.command("/s").join(" "), "/.cosmos/init /s");
    }
}
