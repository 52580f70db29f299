//! Whether the generated code was made from the present .proto files.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::compile::{Root, files};
use crate::law::Breach;

const LAW: &str =
    "generated code belongs to the present .proto files; `cargo xtask proto` makes it anew";

/// Every tree whose record does not fit its .proto files.
pub fn check(roots: &[Root]) -> Result<Vec<Breach>> {
    let mut stale = Vec::new();
    for root in roots {
        let record = root.generated.join(".sources.sha256");
        let recorded = fs::read_to_string(&record).unwrap_or_default();
        if recorded.trim() != hash(&files(&root.protos)?)? {
            stale.push(Breach::new(record.display().to_string(), LAW));
        }
    }
    Ok(stale)
}

/// SHA-256 in hex of the contents of `files`, one after the other.
fn hash(files: &[PathBuf]) -> Result<String> {
    let mut hash = Sha256::new();
    for file in files {
        hash.update(fs::read(file).with_context(|| file.display().to_string())?);
    }
    Ok(hex::encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(folder: &tempfile::TempDir) -> Root {
        let (protos, generated) = (folder.path().join("proto"), folder.path().join("gen"));
        fs::create_dir_all(protos.join("a/v1")).expect("a folder");
        fs::create_dir_all(&generated).expect("a folder");
        fs::write(protos.join("a/v1/a.proto"), "syntax = \"proto3\";").expect("a file");
        Root { protos, generated }
    }

    #[test]
    fn a_changed_contract_is_stale_until_recorded() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = root(&folder);
        let stale = |root: &Root| check(std::slice::from_ref(root)).expect("readable").len();
        assert_eq!(stale(&root), 1, "never generated");
        let present = hash(&files(&root.protos).expect("files")).expect("a hash");
        fs::write(root.generated.join(".sources.sha256"), present + "\n").expect("a record");
        assert_eq!(stale(&root), 0, "generated");
        fs::write(root.protos.join("a/v1/b.proto"), "// new").expect("a file");
        assert_eq!(stale(&root), 1, "a file was added");
    }
}
