//! Sources of another machine, which misbehaves: the same encode, byte by byte, as of a file.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use corpus::Clip;
use e2e::installation::{Installation, succeeded};
use e2e::run::{Encode, sha256};
use origin::{Faults, Manners, Origin};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use ves_api::wire;

const ARGS: [&str; 5] = ["--chunk", "30f", "--align", "fixed", "--preset=ultrafast"];
const PATH: &str = "/masters/film.mp4";

/// A clip at a server; the server answers as long as the runtime is there.
struct Proof {
    folder: TempDir,
    clip: PathBuf,
    origin: Origin,
    runtime: Runtime,
}

impl Proof {
    fn new() -> Result<Self> {
        let (runtime, clip) = (Runtime::new()?, corpus::clip(Clip::OpenGopAvcMp4)?);
        let origin = runtime.block_on(Origin::start());
        origin.put_file(PATH, &clip);
        Ok(Self {
            folder: tempfile::tempdir()?,
            clip,
            origin,
            runtime,
        })
    }

    fn encode(&self, source: &str, name: &str) -> Result<Encode> {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder)?;
        let service = ("AWS_ENDPOINT_URL".into(), self.origin.url(""));
        Ok(Encode {
            env: vec![service],
            ..Encode::new(Path::new(source), &folder, &ARGS)
        })
    }

    fn of_the_file(&self) -> Result<String> {
        let clip = self.clip.display().to_string();
        Ok(self.encode(&clip, "file")?.finish()?.sha256)
    }
}

#[test]
fn an_encode_from_a_server_with_faults_is_that_of_the_file() -> Result<()> {
    let proof = Proof::new()?;
    let expected = proof.of_the_file()?;
    // What stalls is waited for; the whole of it is in the soak.
    let mut faults = Faults::all(2, 20);
    faults.kinds.retain(|kind| *kind != origin::Fault::Stalled);
    proof.origin.misbehave(faults);
    proof.origin.behave(Manners {
        checksums: true,
        ..Manners::default()
    });
    let made = proof.encode("s3://masters/film.mp4", "remote")?.finish()?;
    ensure!(made.sha256 == expected, "another encode");
    ensure!(proof.origin.counts().faults > 0, "nothing went wrong");
    Ok(())
}

#[test]
fn a_source_that_changes_under_way_ends_the_encode_by_name() -> Result<()> {
    let proof = Proof::new()?;
    let encode = proof.encode(&proof.origin.url(PATH), "changing")?;
    let mut started = encode.start()?;
    ensure!(
        started.wait_for(|event| event["event"] == "accepted")?,
        "{}",
        encode.log()
    );
    proof
        .origin
        .put(PATH, std::fs::read(corpus::clip(Clip::Plain)?)?);
    let changed = started.wait_for(|event| event.to_string().contains("SOURCE_CHANGED"))?;
    ensure!(changed, "not told: {}", encode.log());
    ensure!(started.child.wait()?.code() == Some(3), "another end");
    ensure!(!encode.output.exists(), "something was made");
    Ok(())
}

#[test]
fn an_installation_reads_servers_of_its_configuration_alone() -> Result<()> {
    let proof = Proof::new()?;
    let expected = proof.of_the_file()?;
    let root = proof.folder.path().join("site");
    std::fs::create_dir_all(&root)?;
    let mut site = Installation::new(&root, proof.folder.path())?;
    site.allow_server(&proof.origin.authority())?;
    site.start_all()?;
    let output = root.join("out.mp4");
    let ask = |uri: String| wire::EncodeRequest {
        video_source: Some(wire::VideoSource {
            uri,
            ..Default::default()
        })
        .into(),
        output: Some(wire::OutputTarget {
            uri: format!("file://{}", output.display()),
            ..Default::default()
        })
        .into(),
        ..request()
    };
    proof.runtime.block_on(async {
        let refused = site.submit(ask("http://127.0.0.1:1/film.mp4".into())).await;
        let refused = refused.err().context("taken")?.to_string();
        ensure!(refused.contains("URL_NOT_ALLOWED"), "{refused}");
        let id = site.submit(ask(proof.origin.url(PATH))).await?;
        site.wait_for(&id, succeeded).await
    })?;
    ensure!(sha256(&output)? == expected, "another encode");
    site.end("stratum")?;
    let mounts = std::fs::read_to_string("/proc/self/mounts")?;
    let here = root.display().to_string();
    ensure!(!mounts.contains(&here), "a mount was left: {mounts}");
    Ok(())
}

/// What [`ARGS`] ask for.
fn request() -> wire::EncodeRequest {
    use wire::chunking_directives::Target;
    wire::EncodeRequest {
        recipe: Some(wire::Recipe {
            codec: Some(wire::Codec {
                format: wire::CodecFormat::Avc.into(),
                preset: "ultrafast".into(),
                ..Default::default()
            })
            .into(),
            chunking_directives: Some(wire::ChunkingDirectives {
                target: Some(Target::Frames(30)),
                alignment: wire::ChunkAlignment::Fixed.into(),
                ..Default::default()
            })
            .into(),
            ..Default::default()
        })
        .into(),
        ..Default::default()
    }
}
