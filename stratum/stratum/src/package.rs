use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use blob::Digest;

use crate::{Function, FunctionName, InvalidFunction, Manifest, NotAManifest, fingerprint};

/// The name of the declaration in a function's directory.
const DECLARATION: &str = "function.yaml";

/// Where programs are looked for.
#[derive(Clone, Debug)]
pub struct Places {
    /// Directories of functions' programs, beside the directory of `function.yaml`.
    pub programs: Vec<PathBuf>,
    /// Directories of tools.
    pub tools: Vec<PathBuf>,
}

impl Default for Places {
    /// Functions' programs beside this one, or beside its directory; tools as `PATH` finds them,
    /// else where the system has them.
    fn default() -> Self {
        let me = std::env::current_exe().unwrap_or_default();
        let beside = me.ancestors().skip(1).take(2);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let named = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
        let system = ["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from);
        Self {
            programs: beside.map(Path::to_owned).collect(),
            tools: named.chain(system).collect(),
        }
    }
}

/// A program that a function runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// As the declaration has it: one name, or several of which the first that is there is meant,
    /// `best|next`.
    pub name: String,
    pub path: PathBuf,
    pub digest: Digest,
}

/// A function with its program and tools, found and hashed.
#[derive(Debug)]
pub struct Package {
    pub function: Function,
    /// Of the declaration, the program and the tools, or the image that has them: what a memo is
    /// scoped by.
    pub digest: Digest,
    /// What the digest is of.
    pub manifest: Manifest,
    /// On this host, or in its image.
    pub program: PathBuf,
    /// Of this host.
    pub tools: Vec<Tool>,
}

/// Why a function could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("{path}: {error}", path = path.display())]
    Declaration {
        path: PathBuf,
        error: InvalidFunction,
    },
    #[error("function `{function}`: there is no program `{program}` in {places:?}")]
    NoProgram {
        function: FunctionName,
        program: String,
        places: Vec<PathBuf>,
    },
    #[error("two functions are named `{0}`")]
    Twice(FunctionName),
    #[error(transparent)]
    Manifest(#[from] NotAManifest),
    #[error(
        "function `{function}`: {path} is {found}, and not the {wanted} that the version was \
         published with", path = path.display()
    )]
    OtherTool {
        function: FunctionName,
        path: PathBuf,
        found: Digest,
        wanted: Digest,
    },
    #[error("cannot read {path}: {source}", path = path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl Package {
    /// Loads the function in `directory`: its `function.yaml`, and its program there or in `places`.
    ///
    /// # Errors
    /// When the declaration is wrong, or a program is missing.
    pub fn load(directory: &Path, places: &Places) -> Result<Self, LoadError> {
        let path = directory.join(DECLARATION);
        let yaml = fs::read_to_string(&path).map_err(io_error(&path))?;
        let mut places = places.clone();
        places.programs.insert(0, directory.to_owned());
        Self::embedded(&yaml, &path, &places)
    }

    /// Loads a function whose declaration is part of this program; `origin` names it in errors.
    ///
    /// # Errors
    /// When the declaration is wrong, or a program is missing.
    pub fn embedded(yaml: &str, origin: &Path, places: &Places) -> Result<Self, LoadError> {
        let function = Function::from_yaml(yaml).map_err(|error| LoadError::Declaration {
            path: origin.to_owned(),
            error,
        })?;
        if function.image.is_some() {
            // Its bytes are named in the declaration.
            let manifest = Manifest {
                program: None,
                tools: vec![],
                declaration: yaml.to_owned(),
            };
            return Ok(Self::in_image(function, manifest));
        }
        let program = find(&function, &function.command[0], &places.programs)?;
        let tools = tools(&function, places)?;
        let manifest = Manifest {
            program: Some(fingerprint::file(&program).map_err(io_error(&program))?),
            tools: tools.iter().map(Tool::named).collect(),
            declaration: yaml.to_owned(),
        };
        Ok(Self::on_host(function, manifest, program, tools))
    }

    /// The package that a manifest is of, whose program, if it is not in an image, lies at
    /// `program`; its tools are looked for in `places`.
    ///
    /// # Errors
    /// When the declaration is wrong, or a tool is missing or another one.
    pub fn of_manifest(
        manifest: Manifest,
        program: Option<PathBuf>,
        places: &Places,
    ) -> Result<Self, LoadError> {
        let function = Function::from_yaml(&manifest.declaration);
        let function = function.map_err(|error| LoadError::Declaration {
            path: manifest.digest().to_string().into(),
            error,
        })?;
        match (&function.image, program) {
            (Some(_), _) => Ok(Self::in_image(function, manifest)),
            (None, None) => Err(NotAManifest.into()),
            (None, Some(program)) => {
                let tools = tools(&function, places)?;
                check(&function, &tools, &manifest)?;
                Ok(Self::on_host(function, manifest, program, tools))
            }
        }
    }

    fn in_image(function: Function, manifest: Manifest) -> Self {
        let image = function.image.as_ref();
        let command = &function.command[0];
        let program = image.map_or_else(|| command.into(), |image| image.program(command));
        Self::on_host(function, manifest, program, vec![])
    }

    fn on_host(function: Function, manifest: Manifest, program: PathBuf, tools: Vec<Tool>) -> Self {
        Self {
            digest: manifest.digest(),
            manifest,
            function,
            program,
            tools,
        }
    }

    /// The whole command: the program's path, then its arguments.
    pub fn arguments(&self) -> &[String] {
        self.function.command.get(1..).unwrap_or_default()
    }
}

impl Tool {
    /// The environment variable by which the function is told where it is, where several names were to
    /// choose from: "COSMOS_TOOL_BEST".
    pub fn variable(&self) -> Option<String> {
        let (first, _) = self.name.split_once('|')?;
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        };
        let name: String = first.chars().map(plain).collect();
        Some(format!("COSMOS_TOOL_{name}"))
    }

    fn named(&self) -> (Digest, String) {
        (self.digest, self.name.clone())
    }
}

fn tools(function: &Function, places: &Places) -> Result<Vec<Tool>, LoadError> {
    let names = function.tools.iter();
    names.map(|name| tool(function, name, places)).collect()
}

/// A host with other tools would make other bytes.
fn check(function: &Function, tools: &[Tool], manifest: &Manifest) -> Result<(), LoadError> {
    let names = manifest.tools.iter().map(|(_, name)| name);
    if !names.eq(&function.tools) {
        return Err(NotAManifest.into());
    }
    let mut both = tools.iter().zip(&manifest.tools);
    match both.find(|(tool, (wanted, _))| tool.digest != *wanted) {
        None => Ok(()),
        Some((tool, (wanted, _))) => Err(LoadError::OtherTool {
            function: function.name.clone(),
            path: tool.path.clone(),
            found: tool.digest,
            wanted: *wanted,
        }),
    }
}

fn tool(function: &Function, name: &str, places: &Places) -> Result<Tool, LoadError> {
    let path = first_of(function, name, &places.tools)?;
    Ok(Tool {
        digest: fingerprint::tool(&path).map_err(io_error(&path))?,
        name: name.to_owned(),
        path,
    })
}

/// The first of `best|next|last` that is there.
fn first_of(function: &Function, names: &str, places: &[PathBuf]) -> Result<PathBuf, LoadError> {
    let (first, others) = names.split_once('|').unwrap_or((names, ""));
    match find(function, first, places) {
        Err(LoadError::NoProgram { .. }) if !others.is_empty() => {
            first_of(function, others, places)
        }
        found => found,
    }
}

fn find(function: &Function, program: &str, places: &[PathBuf]) -> Result<PathBuf, LoadError> {
    let candidates = places.iter().map(|place| place.join(program));
    let found = candidates
        .filter(|path| is_program(path))
        .find_map(|path| path.canonicalize().ok());
    found.ok_or_else(|| LoadError::NoProgram {
        function: function.name.clone(),
        program: program.to_owned(),
        places: places.to_vec(),
    })
}

fn is_program(path: &Path) -> bool {
    let executable =
        |metadata: fs::Metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0;
    fs::metadata(path).is_ok_and(executable)
}

pub(crate) fn io_error(path: &Path) -> impl FnOnce(io::Error) -> LoadError {
    let path = path.to_owned();
    move |source| LoadError::Io { path, source }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const YAML: &str = "name: hello\nversion: '1'\ncommand: [hello.sh, world]\ntools: [tool]";

    struct Host(tempfile::TempDir);

    impl Host {
        fn new() -> Self {
            let host = Self(tempfile::tempdir().unwrap());
            host.write("hello.sh", "#!/bin/sh\n");
            host.write("tool", "#!/bin/sh\n# tool\n");
            host.write(DECLARATION, YAML);
            host
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.0.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }

        fn load(&self) -> Result<Package, LoadError> {
            let places = Places {
                programs: vec![],
                tools: vec![self.0.path().to_owned()],
            };
            Package::load(self.0.path(), &places)
        }
    }

    #[test]
    fn the_digest_changes_with_whatever_can_change_an_output() {
        let host = Host::new();
        let first = host.load().unwrap();
        assert_eq!(first.digest, host.load().unwrap().digest);
        assert_eq!(first.arguments(), ["world"]);
        let mut digests = vec![first.digest];
        for (name, text) in [
            ("hello.sh", "#!/bin/sh\nexit 1\n".to_owned()),
            ("tool", "#!/bin/sh\n# other\n".to_owned()),
            (DECLARATION, YAML.replace("'1'", "'2'")),
        ] {
            host.write(name, &text);
            digests.push(host.load().unwrap().digest);
        }
        digests.sort();
        digests.dedup();
        assert_eq!(digests.len(), 4);
    }

    #[test]
    fn of_several_tools_the_first_that_is_there_is_meant() {
        let host = Host::new();
        host.write(DECLARATION, &YAML.replace("[tool]", "[best|tool]"));
        let only = host.load().unwrap();
        assert!(only.tools[0].path.ends_with("tool"));
        host.write("best", "#!/bin/sh\n# best\n");
        let best = host.load().unwrap();
        assert_eq!(best.tools[0].variable().unwrap(), "COSMOS_TOOL_BEST");
        assert!(best.tools[0].path.ends_with("best"));
        assert_ne!(best.digest, only.digest);
        host.write(DECLARATION, &YAML.replace("[tool]", "[none|nor-this]"));
        assert!(matches!(
            host.load(),
            Err(LoadError::NoProgram { program, .. }) if program == "nor-this"
        ));
    }

    #[test]
    fn a_function_of_an_image_needs_nothing_of_the_host() {
        let host = Host::new();
        let hosts_own = host.load().unwrap().digest;
        let image = |of: &[u8]| {
            let digest = Digest::of(of).to_hex();
            host.write(DECLARATION, &format!("{YAML}\nimage: sha256:{digest}"));
            host.load().unwrap()
        };
        for name in ["hello.sh", "tool"] {
            fs::remove_file(host.0.path().join(name)).unwrap();
        }
        let package = image(b"one");
        assert_eq!(package.program, Path::new("/function/hello.sh"));
        assert_eq!(package.digest, image(b"one").digest);
        assert_ne!(package.digest, image(b"two").digest);
        assert_ne!(package.digest, hosts_own);
    }

    #[test]
    fn a_manifest_is_the_package_wherever_its_program_lies() {
        let host = Host::new();
        let here = host.load().unwrap();
        let places = Places {
            programs: vec![],
            tools: vec![host.0.path().to_owned()],
        };
        let manifest = Manifest::parse(&here.manifest.to_string()).unwrap();
        let copy = host.0.path().join("copy");
        let of = |program| Package::of_manifest(manifest.clone(), program, &places);
        let there = of(Some(copy.clone())).unwrap();
        assert_eq!((there.digest, &there.program), (here.digest, &copy));
        assert_eq!(there.tools, here.tools);
        assert!(matches!(of(None), Err(LoadError::Manifest(_))));
        host.write("tool", "#!/bin/sh\n# newer\n");
        let told = of(Some(copy)).unwrap_err();
        assert!(matches!(told, LoadError::OtherTool { .. }), "{told}");
    }

    #[test]
    fn a_missing_program_is_told() {
        let host = Host::new();
        fs::remove_file(host.0.path().join("tool")).unwrap();
        let error = host.load().unwrap_err().to_string();
        assert!(
            error.contains("`tool`") && error.contains("hello"),
            "{error}"
        );
    }
}
