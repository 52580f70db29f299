//! `service.yaml`: what an installation must know of a service to run it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use stratum::{Package, Places, Registry};

/// The name of the declaration in a service's folder.
const FILE: &str = "service.yaml";
/// A name of a service, in bytes.
pub const MAX_NAME_BYTES: usize = 40;

/// A service as its folder declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// Part of the names of its queues and key spaces: "shelf".
    pub name: String,
    /// The program that runs its workflows, then its arguments. Empty: a service of functions
    /// alone, which workflows of others use.
    pub command: Vec<String>,
    /// Folders of its functions, each with a `function.yaml`.
    pub functions: Vec<PathBuf>,
    folder: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Yaml {
    name: String,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    functions: Vec<PathBuf>,
}

impl Declaration {
    /// Reads the declaration in `folder`; paths in it count from there.
    ///
    /// # Errors
    /// When there is none, or it is not valid.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read the service {}", path.display()))?;
        let declared = serde_saphyr::from_str(&text).map_err(anyhow::Error::from);
        declared
            .and_then(|yaml| Self::of(yaml, folder))
            .with_context(|| format!("the service {} is not valid", path.display()))
    }

    fn of(yaml: Yaml, folder: &Path) -> Result<Self> {
        let Yaml {
            name,
            command,
            functions,
        } = yaml;
        ensure!(
            Self::is_name(&name),
            "name: `{}` is no name of a service: 1 to {MAX_NAME_BYTES} lower-case letters, digits \
             and `-`",
            name.escape_debug()
        );
        ensure!(
            command
                .first()
                .map_or(!functions.is_empty(), |program| !program.is_empty()),
            "command: no program, nor functions without one; write command: [{name}]"
        );
        Ok(Self {
            name,
            command,
            functions: functions.iter().map(|path| folder.join(path)).collect(),
            folder: folder.to_owned(),
        })
    }

    /// Whether a service can have this name.
    pub fn is_name(name: &str) -> bool {
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        (1..=MAX_NAME_BYTES).contains(&name.len()) && name.chars().all(letters)
    }

    /// The program: in the folder, or where Cargo puts it below that, the optimised one first;
    /// else beside this program, or as `PATH` finds it.
    ///
    /// # Errors
    /// When it is in none of these places.
    pub fn program(&self) -> Result<Option<PathBuf>> {
        let program = self.command.first();
        program.map(|program| self.find(program)).transpose()
    }

    fn find(&self, program: &str) -> Result<PathBuf> {
        let folders = self.places();
        let found = folders.iter().map(|place| place.join(program));
        let mut found = found.filter(|path| path.is_file());
        found.next().with_context(|| {
            format!(
                "service {}: there is no program `{program}` in {folders:?}; build it there, or \
                 put it on the PATH",
                self.name
            )
        })
    }

    fn places(&self) -> Vec<PathBuf> {
        let own = ["", "target/release", "target/debug"];
        let own = own.iter().map(|below| self.folder.join(below));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let beside = Places::default().programs;
        own.chain(beside)
            .chain(std::env::split_paths(&path))
            .collect()
    }

    /// Its functions, as executables of this machine.
    ///
    /// # Errors
    /// When a declaration is wrong, or a program or tool is missing.
    pub fn packages(&self) -> Result<Registry> {
        let mut registry = Registry::default();
        for folder in &self.functions {
            let package = Package::load(folder, &Places::default());
            let package = package.and_then(|package| registry.add(package));
            package.with_context(|| format!("service {}", self.name))?;
        }
        Ok(registry)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn declared(text: &str) -> Result<Declaration> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), text).unwrap();
        Declaration::read(folder.path())
    }

    #[test]
    fn what_is_declared_counts_from_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let yaml = "name: shelf\ncommand: [no-shelf, --quiet]\nfunctions: [functions/label]\n";
        std::fs::write(folder.path().join(FILE), yaml).unwrap();
        let declared = Declaration::read(folder.path()).unwrap();
        assert_eq!(declared.name, "shelf");
        assert_eq!(declared.functions, [folder.path().join("functions/label")]);
        let missing = declared.program().unwrap_err().to_string();
        assert!(missing.contains("no program `no-shelf`"), "{missing}");
        let built = folder.path().join("target/debug/no-shelf");
        std::fs::create_dir_all(built.parent().unwrap()).unwrap();
        std::fs::write(&built, "").unwrap();
        assert_eq!(declared.program().unwrap(), Some(built));
    }

    #[test]
    fn functions_need_no_program() {
        let functions = declared("name: label\nfunctions: [functions/label]\n").unwrap();
        assert_eq!(functions.program().unwrap(), None);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_file() {
        for (text, told) in [
            (
                "name: Shelf\ncommand: [a]",
                "`Shelf` is no name of a service",
            ),
            ("name: shelf\ncommand: []", "write command: [shelf]"),
            ("name: shelf\ncommand: [a]\nrules: []", "rules"),
        ] {
            let error = format!("{:#}", declared(text).unwrap_err());
            assert!(error.contains(told) && error.contains(FILE), "{error}");
        }
    }
}
