//! Every role a process of its own: killed, paused, replaced, in the middle of an encode.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use corpus::Clip;
use e2e::installation::{Installation, ROLES, SECOND, chunks_done, succeeded, wait_until};
use e2e::run::{Encode, sha256};
use e2e::{leftovers, log};
use rustix::process::Signal;
use store_postgres::testing::{Cluster, Programs};
use ves_api::wire;

/// Small chunks, slowly encoded: there must be work left after every kill.
const CHUNK_FRAMES: u32 = 15;
const PRESET: &str = "veryslow";

/// The request that asks for the same as [`reference`] does.
fn request(source: &Path, output: &Path) -> wire::EncodeRequest {
    use wire::chunking_directives::Target;
    let codec = wire::Codec {
        format: wire::CodecFormat::Avc.into(),
        preset: PRESET.into(),
        ..Default::default()
    };
    let chunking = wire::ChunkingDirectives {
        alignment: wire::ChunkAlignment::Fixed.into(),
        target: Some(Target::Frames(CHUNK_FRAMES)),
        ..Default::default()
    };
    let recipe = wire::Recipe {
        codec: Some(codec).into(),
        chunking_directives: Some(chunking).into(),
        rate_control: Some(wire::RateControl {
            mode: Some(wire::rate_control::Mode::Crf(23.0)),
            ..Default::default()
        })
        .into(),
        ..Default::default()
    };
    let uri = |path: &Path| format!("file://{}", path.display());
    wire::EncodeRequest {
        video_source: Some(wire::VideoSource {
            uri: uri(source),
            ..Default::default()
        })
        .into(),
        recipe: Some(recipe).into(),
        output: Some(wire::OutputTarget {
            uri: uri(output),
            ..Default::default()
        })
        .into(),
        idempotency_key: "proof".into(),
        ..Default::default()
    }
}

/// What one process makes of the same source, undisturbed.
fn reference(source: &Path, folder: &Path) -> Result<String> {
    let below = folder.join("reference");
    std::fs::create_dir_all(&below)?;
    let chunk = format!("{CHUNK_FRAMES}f");
    Ok(Encode::new(
        source,
        &below,
        &["--chunk", &chunk, "--align", "fixed", "--preset", PRESET],
    )
    .finish()?
    .sha256)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_is_killed_once_and_the_bytes_are_the_same() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let source = corpus::clip(Clip::OpenGopAvcMp4)?;
    let expected = reference(&source, folder.path())?;
    let output = folder.path().join("out.mp4");
    let mut site = Installation::new(
        folder.path(),
        source.parent().context("a clip lies in a folder")?,
    )?;
    site.start_all()?;
    let id = site.submit(request(&source, &output)).await?;
    for (nth, role) in ROLES.into_iter().enumerate() {
        site.wait_for(&id, |view| chunks_done(view) > 2 * nth as u64)
            .await?;
        site.kill(role)?;
        site.start(role)?;
    }
    site.wait_for(&id, succeeded).await?;
    ensure!(sha256(&output)? == expected, "the bytes differ");
    log::finished_chunks_ran_once(&site.log("stratum"))?;
    drop(site);
    leftovers::no_processes_below(folder.path())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_queue_servers_is_killed_and_the_bytes_are_the_same() -> Result<()> {
    let programs = match Programs::find() {
        Ok(programs) => programs,
        Err(why) => {
            corpus::skip("two queue servers over PostgreSQL", &why);
            return Ok(());
        }
    };
    let database = Cluster::start(&programs)?;
    let folder = tempfile::tempdir()?;
    let source = corpus::clip(Clip::OpenGopAvcMp4)?;
    let expected = reference(&source, folder.path())?;
    let output = folder.path().join("out.mp4");
    let sources = source.parent().context("a clip lies in a folder")?;
    let mut site = Installation::over(&database.config(), folder.path(), sources)?;
    site.start_as(SECOND, "timestone", &[])?;
    site.start_all()?;
    let id = site.submit(request(&source, &output)).await?;
    site.wait_for(&id, |view| chunks_done(view) >= 2).await?;
    site.kill("timestone")?;
    site.wait_for(&id, |view| chunks_done(view) >= 4).await?;
    // Its place is taken by a new one, which gets a share again, and then the other dies.
    site.start("timestone")?;
    site.kill(SECOND)?;
    site.wait_for(&id, succeeded).await?;
    ensure!(sha256(&output)? == expected, "the bytes differ");
    drop(site);
    leftovers::no_processes_below(folder.path())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_paused_past_its_lease_is_refused_and_the_bytes_are_the_same() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let source = corpus::clip(Clip::OpenGopAvcMp4)?;
    let expected = reference(&source, folder.path())?;
    let output = folder.path().join("out.mp4");
    let mut site = Installation::new(
        folder.path(),
        source.parent().context("a clip lies in a folder")?,
    )?;
    site.start_all()?;
    let id = site.submit(request(&source, &output)).await?;
    site.wait_for(&id, |view| chunks_done(view) >= 1).await?;
    site.stop_at_work("stratum")?;
    site.start_as("second", "stratum", &["--name", "second"])?;
    site.wait_for(&id, succeeded).await?;
    // The encoder ran on while its agent stood still: there is a result to be late with.
    wait_until("end of the paused agent's programs", || {
        Ok(site.programs_of("stratum")?.is_empty())
    })?;
    site.signal("stratum", Signal::CONT)?;
    wait_until("refusal in the log", || {
        let log = site.log("stratum");
        // Its heartbeat may hear of the loss before the result is handed in.
        let told = ["late result refused", "lease lost"];
        let mut lines = log.lines();
        let refused = lines.find(|line| told.iter().any(|told| line.contains(told)));
        refused.inspect(|line| println!("{line}"));
        Ok(refused.is_some())
    })?;
    ensure!(sha256(&output)? == expected, "the bytes differ");
    drop(site);
    leftovers::no_processes_below(folder.path())
}
