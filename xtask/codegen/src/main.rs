//! Generates the Rust side of the contracts from the .proto files.
//!
//! Run from the workspace root. The output is checked in, so that building needs
//! neither this program nor a protobuf compiler.

mod client;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use connectrpc_build::{CodeGenConfig, Config};
use protox::prost::Message;
use protox::prost_reflect::prost_types::FileDescriptorSet;
use sha2::{Digest, Sha256};

/// One crate that holds generated contracts.
struct Target {
    /// Folder of the .proto files; also their import root.
    protos: &'static str,
    /// Folder of the generated code.
    out: &'static str,
    /// Proto packages that another crate holds, and where.
    externs: &'static [(&'static str, &'static str)],
    /// What the crate makes of the contracts.
    side: Side,
}

/// What a crate makes of its contracts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// The messages, and the stubs of callers and servers over RPC.
    Contract,
    /// The messages, and typed calls of this service over its queue.
    Client(&'static str),
}

const PLATFORM: &str = "proto";

const BELOW: &[(&str, &str)] = &[
    (".base.v1", "::proto::base::v1"),
    (".video.v1", "::proto::video::v1"),
];

const TARGETS: [Target; 5] = [
    Target {
        protos: PLATFORM,
        out: "proto/src/gen",
        externs: &[],
        side: Side::Contract,
    },
    // The contract of somebody else.
    Target {
        protos: "timestone/timestone-keda/proto",
        out: "timestone/timestone-keda/src/gen",
        externs: &[],
        side: Side::Contract,
    },
    Target {
        protos: "services/ves/api/proto",
        out: "services/ves/api/src/gen",
        externs: BELOW,
        side: Side::Contract,
    },
    Target {
        protos: "services/vvs/api/proto",
        out: "clients/vvs/src/gen",
        externs: BELOW,
        side: Side::Client("vvs"),
    },
    Target {
        protos: "services/vvs/api/proto",
        out: "services/vvs/api/src/gen",
        externs: BELOW,
        side: Side::Contract,
    },
];

fn main() -> Result<()> {
    TARGETS.iter().try_for_each(generate)
}

fn generate(target: &Target) -> Result<()> {
    let files = proto_files(Path::new(target.protos))?;
    let names = relative_names(&files, target.protos)?;
    let mut descriptors = compile(&names, target.protos)?;
    if let Side::Client(name) = target.side {
        emit_calls(target, name, &descriptors)?;
        // No stubs for RPC: a client knows the queue alone.
        let files = descriptors.file.iter_mut();
        files.for_each(|file| file.service.clear());
    }
    let scratch = tempfile::NamedTempFile::new()?;
    fs::write(&scratch, descriptors.encode_to_vec())?;
    emit(target, &names, scratch.path())?;
    record_sources(target, &files)
}

fn compile(names: &[String], root: &str) -> Result<FileDescriptorSet> {
    let mut compiler = protox::Compiler::new([root, PLATFORM])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_files(names)?;
    Ok(compiler.file_descriptor_set())
}

fn emit_calls(target: &Target, name: &str, descriptors: &FileDescriptorSet) -> Result<()> {
    let out = Path::new(target.out);
    fs::create_dir_all(out)?;
    Ok(fs::write(
        out.join("calls.rs"),
        client::source(name, descriptors)?,
    )?)
}

fn emit(target: &Target, names: &[String], descriptors: &Path) -> Result<()> {
    let mut messages = CodeGenConfig::default();
    messages.generate_json = true;
    messages.generate_views = target.side == Side::Contract;
    messages.extern_paths = target
        .externs
        .iter()
        .map(|(proto, rust)| (proto.to_string(), rust.to_string()))
        .collect();
    let config = Config::new()
        .buffa_config(messages)
        .file_per_package(true)
        .emit_rerun_directives(false)
        .descriptor_set(descriptors)
        .files(names)
        .out_dir(target.out)
        .include_file("mod.rs");
    match target.side {
        Side::Contract => config.emit_descriptor_set("descriptors.binpb").compile(),
        Side::Client(_) => config.compile(),
    }
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
