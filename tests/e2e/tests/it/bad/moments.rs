//! What happens to a run in the middle of its work.

use std::fs;
use std::process::Child;

use anyhow::{Context, Result, ensure};
use corpus::Clip;
use e2e::installation::wait_until;
use e2e::leftovers;
use e2e::talk::Talk;
use rustix::process::{Pid, Signal, kill_process};

/// Slow enough that there is a middle.
const SLOWLY: [&str; 10] = [
    "encode", "film.mp4", "-o", "out.mp4", "--chunk", "15f", "--preset", "veryslow", "--align",
    "fixed",
];

/// The encoders that a run has started and that have not ended.
fn encoders(run: &Child) -> Result<Vec<i32>> {
    let mut found = Vec::new();
    let mut family = vec![i32::try_from(run.id())?];
    while let Some(parent) = family.pop() {
        let parent = Pid::from_raw(parent).context("a process has a number")?;
        for child in leftovers::children(parent)? {
            let words = fs::read_to_string(format!("/proc/{child}/cmdline")).unwrap_or_default();
            if words.contains("ffmpeg") && words.contains("libx264") {
                found.push(child);
            }
            family.push(child);
        }
    }
    Ok(found)
}

fn in_the_middle(run: &Child) -> Result<i32> {
    let mut encoder = None;
    wait_until("encoder", || {
        encoder = encoders(run)?.pop();
        Ok(encoder.is_some())
    })?;
    encoder.context("an encoder runs")
}

fn kill(process: i32, signal: Signal) -> Result<()> {
    let process = Pid::from_raw(process).context("a process has a number")?;
    Ok(kill_process(process, signal)?)
}

#[test]
fn an_encoder_is_killed() -> Result<()> {
    let talk = Talk::new("moment-encoder-killed")?;
    talk.put(Clip::OpenGopAvcMp4, "film.mp4")?;
    let run = talk.begin(&SLOWLY)?;
    kill(in_the_middle(&run)?, Signal::KILL)?;
    talk.hear(run, &SLOWLY)?.is(0, &["200 frames", "1 retried"])
}

#[test]
fn it_is_canceled_and_goes_on_later() -> Result<()> {
    let talk = Talk::new("moment-canceled")?;
    talk.put(Clip::OpenGopAvcMp4, "film.mp4")?;
    let run = talk.begin(&SLOWLY)?;
    in_the_middle(&run)?;
    kill(i32::try_from(run.id())?, Signal::INT)?;
    talk.hear(run, &SLOWLY)?
        .is(130, &["interrupted", "the same command goes on"])?;
    talk.nothing_left("out.mp4")?;
    talk.say(&SLOWLY)?.is(0, &["going on", "200 frames"])
}

#[test]
fn the_source_is_changed() -> Result<()> {
    let talk = Talk::new("moment-source-changed")?;
    talk.put(Clip::OpenGopAvcMp4, "film.mp4")?;
    let run = talk.begin(&SLOWLY)?;
    in_the_middle(&run)?;
    let mut bytes = fs::read(talk.at("film.mp4"))?;
    bytes.extend(b"more");
    fs::write(talk.at("film.mp4"), &bytes)?;
    talk.hear(run, &SLOWLY)?
        .is(3, &["SOURCE_CHANGED", "help:"])?;
    talk.nothing_left("out.mp4")
}

#[test]
fn the_same_is_asked_for_twice_at_once() -> Result<()> {
    let talk = Talk::new("moment-twice-at-once")?;
    talk.put(Clip::OpenGopAvcMp4, "film.mp4")?;
    let first = talk.begin(&SLOWLY)?;
    in_the_middle(&first)?;
    let second = talk.say(&SLOWLY)?;
    second.is(5, &["ALREADY_RUNNING", "help: wait for it"])?;
    // Something else for the same name: whoever is second does not replace what is there.
    let other = [&SLOWLY[..6], &["--preset", "ultrafast"]].concat();
    let ended = [talk.say(&other)?.status, talk.hear(first, &SLOWLY)?.status];
    ensure!(
        ended.iter().filter(|status| **status == 0).count() == 1,
        "{ended:?}"
    );
    ensure!(corpus::frames(&talk.at("out.mp4"))?.len() == 200);
    leftovers::none_below(&talk.at(""))
}
