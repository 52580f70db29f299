//! The workspace as the laws see it: crates, the room each lives in, and edges.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::sh;

/// Every crate of this repository.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    /// In the order of their rooms, then of their folders.
    pub crates: Vec<Crate>,
}

/// One crate.
#[derive(Clone, Debug)]
pub struct Crate {
    /// Its package name.
    pub name: String,
    /// Its folder, from the root.
    pub path: String,
    /// Its one-line description.
    pub description: String,
    /// Whether it takes the workspace's lints.
    pub inherits_lints: bool,
    /// The programs it builds.
    pub programs: Vec<String>,
    /// What its manifest asks for.
    pub deps: Vec<Dep>,
}

/// One line of a manifest's dependencies.
#[derive(Clone, Debug)]
pub struct Dep {
    /// The package asked for.
    pub name: String,
    /// Whether only tests use it.
    pub dev: bool,
    /// Whether it is a crate of this repository.
    pub local: bool,
}

/// A floor of the house; lower ones know nothing of higher ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Room {
    Proto,
    Base,
    Video,
    Timestone,
    Stratum,
    Plato,
    Optimus,
    Clients,
    Services,
    Cosmos,
    Tests,
    Bench,
    Xtask,
}

impl Room {
    /// Every room, the lowest first.
    pub const ALL: [Self; 13] = [
        Self::Proto,
        Self::Base,
        Self::Video,
        Self::Timestone,
        Self::Stratum,
        Self::Plato,
        Self::Optimus,
        Self::Clients,
        Self::Services,
        Self::Cosmos,
        Self::Tests,
        Self::Bench,
        Self::Xtask,
    ];

    /// The name of its folder.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Proto => "proto",
            Self::Base => "base",
            Self::Video => "video",
            Self::Timestone => "timestone",
            Self::Stratum => "stratum",
            Self::Plato => "plato",
            Self::Optimus => "optimus",
            Self::Clients => "clients",
            Self::Services => "services",
            Self::Cosmos => "cosmos",
            Self::Tests => "tests",
            Self::Bench => "bench",
            Self::Xtask => "xtask",
        }
    }

    /// Its height: an edge may go down or stay level, never up.
    pub fn floor(self) -> u8 {
        match self {
            Self::Proto => 0,
            Self::Base | Self::Video => 1,
            Self::Timestone => 2,
            Self::Stratum => 3,
            Self::Plato => 4,
            Self::Optimus => 5,
            Self::Clients => 6,
            Self::Services => 7,
            Self::Cosmos => 8,
            Self::Tests | Self::Bench | Self::Xtask => 9,
        }
    }
}

impl Crate {
    /// The room it lives in, if its folder is one.
    pub fn room(&self) -> Option<Room> {
        let folder = self.path.split('/').next()?;
        Room::ALL.into_iter().find(|room| room.folder() == folder)
    }

    /// The service it belongs to: `ves` for `services/ves/api`.
    pub fn service(&self) -> Option<&str> {
        self.path.strip_prefix("services/")?.split('/').next()
    }

    /// Whether it is a function of a service.
    pub fn is_function(&self) -> bool {
        self.service().is_some() && self.path.split('/').nth(2) == Some("functions")
    }
}

impl Workspace {
    /// Reads it from the manifests.
    pub fn load() -> Result<Self> {
        let json = sh::capture(sh::cargo([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
        ]))?;
        let metadata: Value = serde_json::from_str(&json)?;
        let root = metadata["workspace_root"]
            .as_str()
            .context("metadata without a root")?;
        let packages = metadata["packages"]
            .as_array()
            .context("metadata without packages")?;
        let mut crates = packages
            .iter()
            .map(|p| read_crate(p, root))
            .collect::<Result<Vec<_>>>()?;
        crates.sort_by_key(|c| (c.room(), c.path.clone()));
        Ok(Self { crates })
    }

    /// The crate of that name.
    pub fn find(&self, name: &str) -> Option<&Crate> {
        self.crates.iter().find(|c| c.name == name)
    }

    /// Edges between crates of this repository, those of tests left out.
    pub fn edges(&self) -> impl Iterator<Item = (&Crate, &Crate)> {
        self.crates
            .iter()
            .flat_map(|from| self.below(from).map(move |to| (from, to)))
    }

    /// The crates of this repository that `from` uses outside its tests.
    pub fn below<'a>(&'a self, from: &'a Crate) -> impl Iterator<Item = &'a Crate> {
        from.deps
            .iter()
            .filter(|dep| dep.local && !dep.dev)
            .filter_map(|dep| self.find(&dep.name))
    }
}

fn read_crate(package: &Value, root: &str) -> Result<Crate> {
    let manifest = package["manifest_path"]
        .as_str()
        .context("package without a manifest")?;
    let folder = Path::new(manifest)
        .parent()
        .context("manifest without a folder")?;
    let text = fs::read_to_string(manifest).with_context(|| manifest.to_owned())?;
    Ok(Crate {
        name: text_of(package, "name"),
        path: folder.strip_prefix(root)?.to_string_lossy().into_owned(),
        description: text_of(package, "description"),
        inherits_lints: inherits_lints(&text),
        programs: programs(package),
        deps: package["dependencies"]
            .as_array()
            .into_iter()
            .flatten()
            .map(read_dep)
            .collect(),
    })
}

fn read_dep(dep: &Value) -> Dep {
    Dep {
        name: text_of(dep, "name"),
        dev: dep["kind"].as_str() == Some("dev"),
        local: dep["path"].is_string(),
    }
}

fn programs(package: &Value) -> Vec<String> {
    let targets = package["targets"].as_array().into_iter().flatten();
    let built = targets.filter(|target| target["kind"][0].as_str() == Some("bin"));
    built.map(|target| text_of(target, "name")).collect()
}

fn text_of(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

/// Cargo's metadata does not tell, so the manifest is read as text.
fn inherits_lints(manifest: &str) -> bool {
    let lines = manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[lints]")
        .skip(1);
    lines
        .take_while(|line| !line.starts_with('['))
        .any(|line| line == "workspace = true")
}

#[cfg(test)]
pub mod fabricate {
    //! Small houses for the tests of the laws.
    use super::*;

    /// A lawful crate at `path`, named by its last folder, using `deps` of this repository.
    pub fn crate_at(path: &str, deps: &[&str]) -> Crate {
        let local = |name: &&str| Dep {
            name: (*name).to_owned(),
            dev: false,
            local: true,
        };
        Crate {
            name: path.rsplit('/').next().unwrap_or(path).to_owned(),
            path: path.to_owned(),
            description: format!("What {path} is for"),
            inherits_lints: true,
            programs: Vec::new(),
            deps: deps.iter().map(local).collect(),
        }
    }

    /// A crate at `path` that uses a library from outside.
    pub fn crate_using(path: &str, library: &str) -> Crate {
        let mut made = crate_at(path, &[]);
        made.deps.push(Dep {
            name: library.to_owned(),
            dev: false,
            local: false,
        });
        made
    }

    /// A house of these crates.
    pub fn house(crates: &[Crate]) -> Workspace {
        Workspace {
            crates: crates.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lints_are_inherited_only_by_their_own_section() {
        assert!(inherits_lints(
            "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n"
        ));
        assert!(!inherits_lints("[lints]\n[other]\nworkspace = true\n"));
        assert!(!inherits_lints("[dependencies]\nworkspace = true\n"));
    }

    #[test]
    fn folders_name_rooms_services_and_functions() {
        let function = fabricate::crate_at("services/ves/functions/avc", &[]);
        assert_eq!(function.room(), Some(Room::Services));
        assert_eq!(function.service(), Some("ves"));
        assert!(function.is_function());
        let api = fabricate::crate_at("services/ves/api", &[]);
        assert!(!api.is_function());
        assert_eq!(fabricate::crate_at("cellar/wine", &[]).room(), None);
    }
}
