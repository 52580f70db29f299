//! The command of a function: what init is told to run.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use stratum::limits;
use stratum_init::{Limits, Output, Sandbox, Spec};

use crate::delivery::Target;
use crate::inputs::Staged;
use crate::work_dir::WorkDir;

/// Where a function finds programs by name.
const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
const PROCESSES: u64 = 256;
const OPEN_FILES: u64 = 4_096;

/// The whole command, confined to its shape and its files.
pub(crate) fn spec(target: &Target, dir: &WorkDir, staged: &Staged, wall: Duration) -> Spec {
    let mut spec = Spec::new(&target.package.program, target.package.arguments());
    spec.env = environment(target, dir);
    spec.cwd = dir.root();
    spec.stdout = Output::file(dir.stdout(), limits::LOG);
    spec.stderr = Output::file(dir.stderr(), limits::LOG);
    spec.limits = bounds(target, staged, wall);
    spec.sandbox = sandbox(target, dir, staged);
    spec
}

fn environment(target: &Target, dir: &WorkDir) -> BTreeMap<OsString, OsString> {
    let own: [(&str, OsString); 5] = [
        ("HOME", dir.scratch().into()),
        ("TMPDIR", dir.scratch().into()),
        ("LANG", "C.UTF-8".into()),
        ("LC_ALL", "C.UTF-8".into()),
        ("COSMOS_CPUS", target.shape.cpus.to_string().into()),
    ];
    let declared = target.function().env.iter();
    let declared = declared.map(|(name, value)| (name.into(), value.into()));
    let own = own
        .into_iter()
        .chain(search_path(target).map(|path| ("PATH", path)));
    let own = own.map(|(name, value)| (name.into(), value));
    own.chain(tools(target)).chain(declared).collect()
}

/// Of tools that may go by several names, which one it is.
fn tools(target: &Target) -> impl Iterator<Item = (OsString, OsString)> + use<'_> {
    let tools = target.package.tools.iter();
    tools.filter_map(|tool| Some((tool.variable()?.into(), tool.path.clone().into())))
}

/// An image says itself where its programs are.
fn search_path(target: &Target) -> Option<OsString> {
    if target.function().image.is_some() {
        return None;
    }
    // The tools that its digest speaks of come before others of their names.
    let tools = target.package.tools.iter();
    let tools = tools.filter_map(|tool| Some(tool.path.parent()?.to_owned()));
    let search: Vec<PathBuf> = tools.chain(std::env::split_paths(SEARCH_PATH)).collect();
    Some(std::env::join_paths(search).unwrap_or_else(|_| SEARCH_PATH.into()))
}

/// A decoder that feeds the function has its share of the memory.
fn bounds(target: &Target, staged: &Staged, wall: Duration) -> Limits {
    let shape = &target.shape;
    let decoder = staged.decoder.then(|| shape.decoder_memory());
    Limits {
        memory: Some(shape.memory() - decoder.unwrap_or(0)),
        file_size: shape.disk(),
        open_files: Some(OPEN_FILES),
        processes: Some(PROCESSES),
        cpu: None,
        wall: Some(wall),
    }
}

fn sandbox(target: &Target, dir: &WorkDir, staged: &Staged) -> Sandbox {
    let tools = target.package.tools.iter();
    Sandbox {
        network: target.function().network,
        execute: tools.map(|tool| tool.path.clone()).collect(),
        read: staged
            .readable
            .iter()
            .cloned()
            .chain([dir.root()])
            .collect(),
        write: vec![dir.output(), dir.scratch()],
        ..Sandbox::strict()
    }
}
