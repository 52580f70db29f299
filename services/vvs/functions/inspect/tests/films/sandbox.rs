//! The functions run where hosts run them: confined.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use stratum_init::{Init, Limits, Output, Sandbox, Spec};

use crate::source::moving;
use crate::stages::ready;

/// Runs a function as an agent would, and returns its result or its log.
fn confined(function: &str, input: (&str, &Path), work: &Path) -> Result<Value, String> {
    for folder in ["input", "output", "tmp"] {
        fs::create_dir_all(work.join(folder)).unwrap();
    }
    std::os::unix::fs::symlink(input.1, work.join("input").join(input.0)).unwrap();
    fs::write(
        work.join("input/expectations.json"),
        json!({"clean_decode": true}).to_string(),
    )
    .unwrap();
    fs::write(work.join("params.json"), "{}").unwrap();
    let init = Init::at(corpus::init_binary().unwrap());
    let mut spec = Spec::new(env!("CARGO_BIN_EXE_vvs-inspect"), [function]);
    spec.env = [("PATH".into(), "/usr/bin:/bin".into())].into();
    spec.cwd = work.to_owned();
    spec.stderr = Output::file(work.join("stderr"), 1 << 20);
    spec.limits = Limits {
        memory: Some(1 << 30),
        processes: Some(64),
        ..Limits::default()
    };
    spec.sandbox = Sandbox {
        read: vec![work.to_owned(), input.1.to_owned()],
        write: vec![work.join("output"), work.join("tmp")],
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
fn functions_work_within_their_sandbox() {
    if !ready() {
        return;
    }
    let film = moving();
    let path = fs::canonicalize(&film.path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (function, input) in [("fingerprint", "source"), ("plan", "video")] {
        let work = folder.path().join(function);
        let result =
            confined(function, (input, &path), &work).unwrap_or_else(|log| panic!("{log}"));
        assert_eq!(result["frames"], 120, "{function}");
    }
}
