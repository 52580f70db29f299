//! Functions of VES as images, by the Dockerfiles of the repository.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use corpus::{Clip, Daemon};
use e2e::programs;
use serde_json::Value;
use stratum_docker::Engine;
use stratum_init::Init;

/// A chunk for the AVC function, with options that make it the same on every machine of a kind.
const PARAMS: &str = r#"{"encoder_args":["-c:v","libx264","-preset","veryfast","-crf","30",
"-threads","1"],"filter_graph":"","frame_rate":"24/1","frames":24,"packets_digest":""}"#;

fn function(name: &str) -> PathBuf {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../services/ves/functions");
    repository.join(name)
}

/// The FFmpeg of this machine and a shell as an image, so that both encode by the same tool.
async fn base(engine: &Daemon, ffmpeg: &str) -> Result<String> {
    let archive = corpus::root_archive(&["/bin/sh", ffmpeg], &BTreeMap::new())?;
    let init = Init::at(corpus::init_binary()?);
    let clock = Arc::new(clock::SystemClock);
    let engine = Engine::connect(engine.socket(), "images", &init, clock).await?;
    Ok(engine.import(archive.into()).await?)
}

/// `cosmos function` with these words, as JSON; it must end well.
fn cosmos(engine: &Daemon, words: &[&str]) -> Result<Value> {
    let mut command = programs::program("cosmos")?;
    command.args(["function"]).args(words);
    command.args(["--json", "--docker", engine.socket()]);
    let output = command.output()?;
    let told: Value =
        serde_json::from_slice(&output.stdout).with_context(|| format!("{words:?}: {output:?}"))?;
    ensure!(output.status.success(), "{words:?}: {told:#}");
    Ok(told)
}

/// The name and digest of each output.
fn made(engine: &Daemon, function: &str, source: &Path) -> Result<Vec<(String, String)>> {
    let source = source.display().to_string();
    let run = [
        "run", function, "--input", &source, "--range", "0..24", "--params", PARAMS,
    ];
    let told = cosmos(engine, &run)?;
    let outputs = told["outputs"].as_array().context("no outputs")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let outputs = outputs
        .iter()
        .map(|one| (text(&one["name"]), text(&one["digest"])));
    Ok(outputs.collect())
}

fn ffmpeg() -> Option<String> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|folder| folder.join("ffmpeg"));
    let mut found = found.filter(|path| path.is_file());
    found.next().map(|path| path.display().to_string())
}

#[tokio::test]
async fn an_encoder_in_its_image_makes_the_bytes_that_it_makes_on_the_host() -> Result<()> {
    let what = "images of encoders";
    let Some(ffmpeg) = ffmpeg() else {
        corpus::skip(what, "there is no ffmpeg");
        return Ok(());
    };
    let Some(engine) = Daemon::find_or_start(what) else {
        return Ok(());
    };
    let base = base(&engine, &ffmpeg).await?;
    let folder = function("avc").display().to_string();
    let built = cosmos(&engine, &["build", &folder, "--base", &base])?;
    ensure!(built["tag"] == "ves-avc:1.0.0", "{built:#}");
    let image = built["image"].as_str().context("no image")?;

    let declared = tempfile::tempdir()?;
    let yaml = fs::read_to_string(function("avc").join("function.yaml"))?;
    let yaml = format!("{yaml}image: {image}\n");
    fs::write(declared.path().join("function.yaml"), yaml)?;
    let contained = format!("{}/", declared.path().display());

    let source = corpus::clip(Clip::Plain)?;
    let on_host = made(&engine, &format!("{folder}/"), &source)?;
    ensure!(
        on_host.iter().any(|(name, _)| name == "encoding"),
        "{on_host:?}"
    );
    ensure!(made(&engine, &contained, &source)? == on_host);
    Ok(())
}

/// Whatever has an encoder can be an image: each has its Dockerfile, with its own program.
#[test]
fn every_program_of_ves_has_a_dockerfile() -> Result<()> {
    for (folder, program) in [
        ("avc", "ves-avc"),
        ("hevc", "ves-hevc"),
        ("vp9", "ves-vp9"),
        ("av1", "ves-av1"),
        ("vvc", "ves-vvc"),
        ("media/index", "ves-media"),
    ] {
        let text = fs::read_to_string(function(folder).join("Dockerfile"))?;
        let copied = format!("\nFROM ${{BASE}}\nCOPY {program} /function/\n");
        ensure!(text.ends_with(&copied), "{folder}: {text}");
        let yaml = fs::read_to_string(function(folder).join("function.yaml"))?;
        ensure!(
            yaml.contains(&format!("\ncommand: [{program}")),
            "{folder}: {yaml}"
        );
    }
    Ok(())
}
