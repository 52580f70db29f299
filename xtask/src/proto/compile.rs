//! From .proto files to descriptors, without a protobuf compiler.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use protox::Compiler;
use protox::prost_reflect::prost_types::FileDescriptorSet;

/// The contracts of the platform, which services import.
const PLATFORM: &str = "proto";

/// One tree of .proto files and the generated code beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Folder of the .proto files; their import root.
    pub protos: PathBuf,
    /// Folder of the generated code.
    pub generated: PathBuf,
}

/// The platform's contracts and those of every service; those of a service that has a
/// client twice, as two crates are generated from them.
pub fn roots() -> Result<Vec<Root>> {
    let mut roots = vec![Root {
        protos: PLATFORM.into(),
        generated: "proto/src/gen".into(),
    }];
    let mut services = children(Path::new("services"))?;
    services.sort();
    let apis = services.into_iter().map(|service| service.join("api"));
    let with_protos = apis.filter(|api| api.join("proto").is_dir());
    roots.extend(with_protos.map(|api| Root {
        protos: api.join("proto"),
        generated: api.join("src/gen"),
    }));
    roots.extend(clients()?);
    Ok(roots)
}

/// The contracts that others define: their style and growth are not ours.
pub fn foreign() -> Root {
    Root {
        protos: "timestone/timestone-keda/proto".into(),
        generated: "timestone/timestone-keda/src/gen".into(),
    }
}

fn clients() -> Result<Vec<Root>> {
    let mut clients = children(Path::new("clients"))?;
    clients.sort();
    let clients = clients.iter().filter(|client| client.is_dir());
    let root = |client: &PathBuf| {
        let name = client.file_name().unwrap_or_default();
        Root {
            protos: Path::new("services").join(name).join("api/proto"),
            generated: client.join("src/gen"),
        }
    };
    Ok(clients.map(root).collect())
}

/// Our own files, in the order of their names, with comments. A file that
/// comes from elsewhere (`google/protobuf`) is compiled but left out.
pub fn all(roots: &[Root]) -> Result<FileDescriptorSet> {
    let includes: BTreeSet<_> = roots.iter().map(|root| &root.protos).collect();
    let mut compiler = Compiler::new(&includes)?;
    compiler.include_source_info(true).include_imports(false);
    for protos in includes {
        compiler
            .open_files(files(protos)?)
            .with_context(|| protos.display().to_string())?;
    }
    let mut set = compiler.file_descriptor_set();
    set.file.sort_by(|a, b| a.name().cmp(b.name()));
    Ok(set)
}

/// Every .proto file below `root`, in the order of their paths.
pub fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![root.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        for path in children(&folder)? {
            if path.is_dir() {
                waiting.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "proto")
            {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn children(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

#[cfg(test)]
pub mod sources {
    //! Contracts written inside a test.
    use std::collections::HashMap;

    use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

    use super::*;

    struct Memory(HashMap<String, String>);

    impl FileResolver for Memory {
        fn open_file(&self, name: &str) -> Result<File, protox::Error> {
            let source = self
                .0
                .get(name)
                .ok_or_else(|| protox::Error::file_not_found(name))?;
            File::from_source(name, source)
        }
    }

    /// Compiles one file called `name`.
    pub fn compile(name: &str, source: &str) -> FileDescriptorSet {
        let mut chain = ChainFileResolver::new();
        chain.add(Memory(HashMap::from([(
            name.to_owned(),
            source.to_owned(),
        )])));
        chain.add(GoogleFileResolver::new());
        let mut compiler = Compiler::with_file_resolver(chain);
        compiler
            .include_source_info(true)
            .open_file(name)
            .expect("a contract that compiles");
        compiler.file_descriptor_set()
    }
}
