//! Several versions of a function at once: who asks for which, and who keeps which.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context, Result, ensure};
use corpus::Clip;
use e2e::installation::{Installation, ended, succeeded, wait_until};
use e2e::{leftovers, programs, terminal};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use ves_api::wire;

/// Small chunks: there must be work left after the first.
const CHUNK_FRAMES: u32 = 15;

const REFUSES: &str = r#"#!/bin/sh
echo '{"class": "user", "code": "NOT_YET", "message": "this version encodes nothing yet"}' \
  > output/error.json
exit 2
"#;

/// An installation, and somebody who publishes functions to it.
struct Site {
    folder: PathBuf,
    installation: Installation,
    source: PathBuf,
}

impl Site {
    fn start(folder: &Path) -> Result<Self> {
        let source = corpus::clip(Clip::OpenGopAvcMp4)?;
        let sources = source.parent().context("a clip lies in a folder")?;
        let mut installation = Installation::new(folder, sources)?;
        installation.start_all()?;
        let site = Self {
            folder: folder.to_owned(),
            installation,
            source,
        };
        wait_until("answer of the catalog", || {
            Ok(site.asked("versions")?.status.success())
        })?;
        Ok(site)
    }

    /// `cosmos function` with these words, and what it says as JSON; it must end well.
    fn function(&self, words: &str) -> Result<Value> {
        let output = self.asked(words)?;
        ensure!(output.status.success(), "{words}: {output:?}");
        let said = terminal::json_lines(&String::from_utf8(output.stdout)?)?;
        said.into_iter().next().context("nothing is said")
    }

    fn asked(&self, words: &str) -> Result<Output> {
        let mut command = programs::program("cosmos")?;
        command.arg("function").args(words.split_whitespace());
        command.args(["--json", "--config", "cosmos.yaml"]);
        Ok(command.current_dir(&self.folder).output()?)
    }

    /// A folder with a version of `function`, as the repository has it but for what is replaced.
    fn version(&self, function: &str, version: &str, replaced: (&str, &str)) -> Result<String> {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../services/ves/functions");
        let yaml = fs::read_to_string(repository.join(function).join("function.yaml"))?;
        let name = format!("{function}-{version}");
        fs::create_dir_all(self.folder.join(&name))?;
        let declared = format!("version: {version}\n");
        let yaml = yaml.replace("version: 1.0.0\n", &declared);
        ensure!(
            yaml.contains(&declared) && yaml.contains(replaced.0),
            "{yaml}"
        );
        let yaml = yaml.replace(replaced.0, replaced.1);
        fs::write(self.folder.join(&name).join("function.yaml"), yaml)?;
        Ok(format!("./{name}"))
    }

    fn publish(&self, folder: &str, more: &str) -> Result<String> {
        let told = self.function(&format!("publish {folder} {more}"))?;
        let newest = told["versions"].as_array().and_then(|all| all.last());
        let digest = newest.and_then(|newest| newest["digest"].as_str());
        Ok(digest.context("no digest is told")?.to_owned())
    }

    fn request(&self, name: &str, channel: &str) -> wire::EncodeRequest {
        use wire::chunking_directives::Target;
        let chunking = wire::ChunkingDirectives {
            alignment: wire::ChunkAlignment::Fixed.into(),
            target: Some(Target::Frames(CHUNK_FRAMES)),
            ..Default::default()
        };
        let codec = wire::Codec {
            format: wire::CodecFormat::Avc.into(),
            ..Default::default()
        };
        let recipe = wire::Recipe {
            codec: Some(codec).into(),
            chunking_directives: Some(chunking).into(),
            ..Default::default()
        };
        let uri = |path: &Path| format!("file://{}", path.display());
        wire::EncodeRequest {
            video_source: Some(wire::VideoSource {
                uri: uri(&self.source),
                ..Default::default()
            })
            .into(),
            recipe: Some(recipe).into(),
            output: Some(wire::OutputTarget {
                uri: uri(&self.folder.join(format!("{name}.mp4"))),
                ..Default::default()
            })
            .into(),
            idempotency_key: name.into(),
            channel: channel.into(),
            ..Default::default()
        }
    }

    async fn submit(&self, name: &str, channel: &str) -> Result<String> {
        self.installation.submit(self.request(name, channel)).await
    }

    /// Waits for the video; by which version of the encoder it was made, and how many chunks.
    async fn made_by(&self, id: &str) -> Result<(String, u64)> {
        let view = self.installation.wait_for(id, succeeded).await?;
        let video = view
            .response
            .into_option()
            .and_then(|r| r.output_video.into_option());
        let video = video.context("there is no video")?;
        ensure!(video.retries == 0, "something was tried again: {video:?}");
        let recipe = video.resolved_recipe.into_option().context("no recipe")?;
        let digest = recipe.function_digests.get("ves-avc");
        Ok((digest.context("no digest")?.clone(), video.chunks_encoded))
    }

    /// The installed encoder at work, stopped where it is.
    fn frozen(&self) -> Result<Pid> {
        let mut frozen = None;
        wait_until("the encoder at work", || {
            let running = self.installation.programs_of("stratum")?;
            let mut running = running.into_iter().filter_map(Pid::from_raw);
            frozen = running.find(|pid| encodes(*pid) && stopped(*pid));
            Ok(frozen.is_some())
        })?;
        frozen.context("there is one")
    }
}

/// Whether it is the first process of the function that is installed.
fn encodes(init: Pid) -> bool {
    let children = leftovers::children(init).unwrap_or_default();
    let names = children.iter().map(|pid| format!("/proc/{pid}/comm"));
    let mut names = names.filter_map(|path| fs::read_to_string(path).ok());
    names.any(|name| name.trim() == "ves-avc")
}

/// Stops it, unless it has ended.
fn stopped(pid: Pid) -> bool {
    let asked = kill_process(pid, Signal::STOP).is_ok();
    let settled = || Ok(!matches!(state(pid), Some('R' | 'S' | 'D')));
    asked && wait_until("a stop", settled).is_ok() && is_stopped(pid)
}

fn is_stopped(pid: Pid) -> bool {
    state(pid) == Some('T')
}

/// As the kernel tells it; `None` when it is gone.
fn state(pid: Pid) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_of_an_encoder_run_side_by_side_and_work_keeps_its_own() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let site = Site::start(folder.path())?;
    let newer = site.version("avc", "1.1.0", ("timeout: 24h", "timeout: 23h"))?;
    let newer = site.publish(&newer, "--channel canary")?;
    let refuses = site.version("avc", "2.0.0", ("[ves-avc]", "[refuse.sh]"))?;
    let program = site.folder.join(&refuses).join("refuse.sh");
    fs::write(&program, REFUSES)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    site.publish(&refuses, "--channel next")?;
    let av1 =
        ["1.1.0", "1.2.0"].map(|version| site.version("av1", version, ("timeout", "timeout")));

    // One on each channel; none has anything of the others.
    let stable = site.submit("stable", "").await?;
    let canary = site.submit("canary", "canary").await?;
    let next = site.submit("next", "next").await?;

    // What happens to other functions, and to the channels of this one, is nothing to them.
    let encoder = site.frozen()?;
    for version in av1 {
        site.publish(&version?, "--channel stable")?;
    }
    let told = site.function("rollback ves-avc --channel canary")?;
    ensure!(told["channels"][0]["channel"] == "next", "{told}");
    let told = site.function(&format!("remove ves-avc {newer}"))?;
    ensure!(told["versions"][0]["version"] == "2.0.0", "{told}");
    ensure!(is_stopped(encoder), "the encoder was disturbed");
    kill_process(encoder, Signal::CONT)?;
    let (installed, of_stable) = site.made_by(&stable).await?;
    let (by, of_canary) = site.made_by(&canary).await?;
    ensure!(by == newer && installed != newer, "{by} {installed}");
    ensure!(
        of_stable == of_canary && of_stable > 1,
        "{of_stable} {of_canary}"
    );
    let view = site.installation.wait_for(&next, ended).await?;
    let error = view
        .response
        .into_option()
        .and_then(|r| r.error.into_option());
    ensure!(
        error.as_ref().is_some_and(|e| e.code == "NOT_YET"),
        "{error:?}"
    );
    let log = site.installation.log("stratum");
    ensure!(log.matches("agent starts").count() == 1, "{log}");

    // It is not published any more, so it has no channel.
    let refused = site.submit("late", "canary").await.unwrap_err();
    ensure!(refused.to_string().contains("canary"), "{refused}");
    drop(site);
    leftovers::no_processes_below(folder.path())
}
