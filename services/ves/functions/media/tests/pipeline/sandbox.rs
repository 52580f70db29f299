//! The functions run where hosts run them: confined.

use std::fs;
use std::path::Path;

use corpus::Clip;
use serde_json::{Value, json};
use stratum_init::{Init, Limits, Output, Sandbox, Spec};

use crate::stages::ready;

/// Runs `ves-media split` as an agent would, and returns its result or its log.
fn split(source: &Path, work: &Path) -> Result<Value, String> {
    for folder in ["input", "output", "scratch"] {
        fs::create_dir_all(work.join(folder)).unwrap();
    }
    std::os::unix::fs::symlink(source, work.join("input/source")).unwrap();
    fs::write(work.join("params.json"), json!({"recipe": {}}).to_string()).unwrap();
    let init = Init::at(corpus::init_binary().unwrap());
    let mut spec = Spec::new(env!("CARGO_BIN_EXE_ves-media"), ["split"]);
    spec.env = [("PATH".into(), "/usr/bin:/bin".into())].into();
    spec.cwd = work.to_owned();
    spec.stderr = Output::file(work.join("stderr"), 1 << 20);
    spec.limits = Limits {
        memory: Some(1 << 30),
        processes: Some(64),
        ..Limits::default()
    };
    spec.sandbox = Sandbox {
        read: vec![work.to_owned(), source.to_owned()],
        write: vec![work.join("output"), work.join("scratch")],
        ..Sandbox::strict()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let exit = runtime.block_on(async { init.spawn(&spec).await.unwrap().wait().await.unwrap() });
    if exit.success() {
        let json = fs::read(work.join("output/result.json")).unwrap();
        return Ok(serde_json::from_slice(&json).unwrap());
    }
    Err(format!(
        "{exit}: {}",
        fs::read_to_string(work.join("stderr")).unwrap()
    ))
}

#[test]
fn the_splitter_works_within_the_sandbox_of_a_function() {
    if !ready() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let source = fs::canonicalize(corpus::clip(Clip::OpenGopAvcTs).unwrap()).unwrap();
    let result = split(&source, folder.path()).unwrap_or_else(|log| panic!("{log}"));
    assert_eq!(result["frames"], 200);
}
