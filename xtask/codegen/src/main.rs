//! Generates the Rust side of the contracts from the .proto files.
//!
//! Run from the workspace root. The output is checked in, so that building needs
//! neither this program nor a protobuf compiler.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use connectrpc_build::{CodeGenConfig, Config};
use sha2::{Digest, Sha256};

/// One crate that holds generated contracts.
struct Target {
    /// Folder of the .proto files; also their import root.
    protos: &'static str,
    /// Folder of the generated code.
    out: &'static str,
    /// Proto packages that another crate holds, and where.
    externs: &'static [(&'static str, &'static str)],
}

const PLATFORM: &str = "proto";

const TARGETS: [Target; 3] = [
    Target {
        protos: PLATFORM,
        out: "proto/src/gen",
        externs: &[],
    },
    Target {
        protos: "services/ves/api/proto",
        out: "services/ves/api/src/gen",
        externs: &[
            (".base.v1", "::proto::base::v1"),
            (".video.v1", "::proto::video::v1"),
        ],
    },
    Target {
        protos: "services/vvs/api/proto",
        out: "services/vvs/api/src/gen",
        externs: &[
            (".base.v1", "::proto::base::v1"),
            (".video.v1", "::proto::video::v1"),
        ],
    },
];

fn main() -> Result<()> {
    TARGETS.iter().try_for_each(generate)
}

fn generate(target: &Target) -> Result<()> {
    let files = proto_files(Path::new(target.protos))?;
    let names = relative_names(&files, target.protos)?;
    let descriptors = compile(&names, target.protos)?;
    let scratch = tempfile::NamedTempFile::new()?;
    fs::write(&scratch, descriptors)?;
    emit(target, &names, scratch.path())?;
    record_sources(target, &files)
}

fn compile(names: &[String], root: &str) -> Result<Vec<u8>> {
    let mut compiler = protox::Compiler::new([root, PLATFORM])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_files(names)?;
    Ok(compiler.encode_file_descriptor_set())
}

fn emit(target: &Target, names: &[String], descriptors: &Path) -> Result<()> {
    let mut messages = CodeGenConfig::default();
    messages.generate_json = true;
    messages.extern_paths = target
        .externs
        .iter()
        .map(|(proto, rust)| (proto.to_string(), rust.to_string()))
        .collect();
    Config::new()
        .buffa_config(messages)
        .file_per_package(true)
        .emit_rerun_directives(false)
        .descriptor_set(descriptors)
        .files(names)
        .out_dir(target.out)
        .emit_descriptor_set("descriptors.binpb")
        .include_file("mod.rs")
        .compile()
}

/// Writes down what the code was generated from, so that drift can be seen.
fn record_sources(target: &Target, files: &[PathBuf]) -> Result<()> {
    let mut hash = Sha256::new();
    for file in files {
        hash.update(fs::read(file)?);
    }
    let line = format!("{}\n", hex::encode(hash.finalize()));
    Ok(fs::write(
        Path::new(target.out).join(".sources.sha256"),
        line,
    )?)
}

/// Every .proto file below `root`, sorted.
fn proto_files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "proto") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn relative_names(files: &[PathBuf], root: &str) -> Result<Vec<String>> {
    let name = |file: &PathBuf| Ok(file.strip_prefix(root)?.to_string_lossy().into_owned());
    files.iter().map(name).collect()
}
