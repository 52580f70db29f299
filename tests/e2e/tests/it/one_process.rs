//! `ves encode`: everything in one process, killed and resumed.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use corpus::Clip;
use e2e::run::{Encode, chunks_done};
use e2e::{clip, leftovers};
use tempfile::TempDir;

const CHUNKS_OF_30: [&str; 6] = [
    "--lossless",
    "--chunk",
    "30f",
    "--align",
    "fixed",
    "--preset=ultrafast",
];

struct Proof {
    folder: TempDir,
    source: PathBuf,
}

impl Proof {
    fn of(clip: Clip) -> Result<Self> {
        Self::from(corpus::clip(clip)?)
    }

    fn from(source: PathBuf) -> Result<Self> {
        Ok(Self {
            folder: tempfile::tempdir()?,
            source,
        })
    }

    fn encode(&self, name: &str, args: &[&str]) -> Result<Encode> {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(Encode::new(&self.source, &folder, args))
    }
}

fn every_frame_survives(proof: Proof) -> Result<()> {
    let encode = proof.encode("once", &CHUNKS_OF_30)?;
    let finished = encode.finish()?;
    let frames = clip::same_frames(&proof.source, &encode.output)?;
    ensure!(
        finished.frames == frames as u64,
        "said {} frames, there are {frames}",
        finished.frames
    );
    ensure!(
        finished.chunks_encoded == finished.frames.div_ceil(30),
        "{finished:?}"
    );
    leftovers::none_below(proof.folder.path())
}

#[test]
fn every_frame_of_open_gop_avc_in_mp4_survives() -> Result<()> {
    every_frame_survives(Proof::of(Clip::OpenGopAvcMp4)?)
}

#[test]
fn every_frame_of_open_gop_hevc_in_ts_survives() -> Result<()> {
    every_frame_survives(Proof::of(Clip::OpenGopHevcTs)?)
}

#[test]
fn every_frame_of_a_real_film_survives() -> Result<()> {
    let Some(film) = corpus::media("sintel_trailer-720p.mp4") else {
        let why = "COSMOS_MEDIA names no folder with it";
        corpus::skip("lossless encode of a real film", why);
        return Ok(());
    };
    every_frame_survives(Proof::from(film)?)
}

#[test]
fn every_frame_of_open_gop_avc_in_matroska_survives() -> Result<()> {
    every_frame_survives(Proof::of(Clip::OpenGopAvcMkv)?)
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_workers() -> Result<()> {
    let proof = Proof::of(Clip::OpenGopAvcMp4)?;
    let sums: Vec<String> = ["1", "2", "3"]
        .into_iter()
        .map(|workers| {
            Ok(proof
                .encode(workers, &["--chunk", "2s", "--workers", workers])?
                .finish()?
                .sha256)
        })
        .collect::<Result<_>>()?;
    ensure!(sums.iter().all(|sum| *sum == sums[0]), "{sums:?}");
    Ok(())
}

#[test]
fn av1_does_not_depend_on_the_number_of_workers_in_any_container() -> Result<()> {
    let proof = Proof::of(Clip::OpenGopAvcMp4)?;
    for extension in ["mp4", "webm"] {
        let sums: Vec<String> = ["1", "2"]
            .into_iter()
            .map(|workers| {
                let args = [
                    "--codec",
                    "av1",
                    "--preset",
                    "12",
                    "--chunk",
                    "2s",
                    "--workers",
                    workers,
                ];
                let mut encode = proof.encode(&format!("{workers}-{extension}"), &args)?;
                encode.output.set_extension(extension);
                let finished = encode.finish()?;
                ensure!(
                    finished.frames == 200 && finished.chunks_encoded > 2,
                    "{finished:?}"
                );
                Ok(finished.sha256)
            })
            .collect::<Result<_>>()?;
        ensure!(sums[0] == sums[1], "{extension}: {sums:?}");
    }
    leftovers::none_below(proof.folder.path())
}

/// Chunks of 15 frames, so slowly encoded that there is work left after every kill.
fn a_killed_run_goes_on(codec: &str, preset: &str) -> Result<()> {
    let proof = Proof::of(Clip::OpenGopAvcMp4)?;
    let args = [
        "--codec",
        codec,
        "--preset",
        preset,
        "--chunk",
        "15f",
        "--align",
        "fixed",
        "--workers",
        "2",
    ];
    let undisturbed = proof.encode("undisturbed", &args)?.finish()?;
    let killed = proof.encode("killed", &args)?;
    for done in [0, 3, 9] {
        let mut run = killed.start()?;
        run.wait_for(|event| event["event"] == "progress" && chunks_done(event) >= done)?;
        run.kill()?;
        ensure!(
            !killed.output.exists(),
            "a killed run left {}",
            killed.output.display()
        );
        leftovers::no_processes_below(proof.folder.path())?;
    }
    let finished = killed.finish()?;
    ensure!(
        finished.sha256 == undisturbed.sha256,
        "{} became {}",
        undisturbed.sha256,
        finished.sha256
    );
    e2e::log::finished_chunks_ran_once(&killed.log())?;
    leftovers::none_below(proof.folder.path())
}

#[test]
fn a_killed_run_goes_on_and_ends_with_the_same_bytes() -> Result<()> {
    a_killed_run_goes_on("avc", "veryslow")
}

#[test]
fn a_killed_run_of_av1_goes_on_and_ends_with_the_same_bytes() -> Result<()> {
    a_killed_run_goes_on("av1", "10")
}

#[test]
fn an_output_that_is_the_source_is_refused_and_the_source_untouched() -> Result<()> {
    let proof = Proof::of(Clip::Tiny(3))?;
    let folder = proof.folder.path();
    let copy = folder.join("source.mp4");
    std::fs::copy(&proof.source, &copy)?;
    let before = e2e::run::sha256(&copy)?;
    let mut encode = Encode::new(&copy, folder, &[]);
    encode.output = copy.clone();
    let status = encode
        .command()?
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()?;
    ensure!(status.code() == Some(2), "{status}");
    ensure!(before == e2e::run::sha256(&copy)?, "the source was touched");
    Ok(())
}
