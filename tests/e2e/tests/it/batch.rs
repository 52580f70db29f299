//! `ves encode` of several files, as whole conversations.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use anyhow::{Context, Result, bail, ensure};
use corpus::Clip;
use e2e::talk::Talk;
use serde_json::Value;

const FAST: &str = "--preset ultrafast --chunk 30f --align fixed";

/// A folder with three films, of which one is none.
fn films(name: &'static str) -> Result<Talk> {
    let talk = Talk::new(name)?;
    fs::create_dir_all(talk.at("films/old"))?;
    fs::create_dir(talk.at("out"))?;
    talk.put(Clip::Tiny(60), "films/a.mp4")?;
    talk.put(Clip::Tiny(45), "films/old/b.mp4")?;
    fs::write(talk.at("films/bad.mp4"), "no film at all".repeat(100))?;
    Ok(talk)
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace()
        .chain(FAST.split_whitespace())
        .collect()
}

#[test]
fn a_folder_is_encoded_and_a_bad_film_stops_no_other() -> Result<()> {
    let talk = films("batch-folder")?;
    let all = "encode -r films -o out/{dir}/{stem}-{codec}.{ext}";
    let answer = talk.say(&words(all))?;
    let lines = ["films/bad.mp4:", "error: ", "3 files: 2 encoded, 1 failed"];
    answer.is(3, &lines)?;
    for (source, output, frames) in [("a", "a-avc", 60), ("old/b", "old/b-avc", 45)] {
        let source = talk.at(&format!("films/{source}.mp4"));
        let output = talk.at(&format!("out/{output}.mp4"));
        ensure!(
            corpus::frames(&output)?.len() == frames,
            "{}",
            output.display()
        );
        ensure!(source.is_file(), "{} is gone", source.display());
    }
    ensure!(
        !talk.at("out/bad-avc.mp4").exists(),
        "a bad film became something"
    );
    let again = talk.say(&words(all))?;
    again.is(3, &["films/bad.mp4:", "3 files: 1 failed, 2 skipped"])?;
    let other = talk.say(&words(&format!("{all} --crf 30")))?;
    other.is(2, &["OUTPUT_EXISTS", "--overwrite", "3 files: 3 failed"])?;
    fs::remove_file(talk.at("out/a-avc.mp4"))?;
    fs::remove_file(talk.at("films/bad.mp4"))?;
    let rest = talk.say(&words(&format!("{all} --skip-existing")))?;
    rest.is(0, &["2 files: 1 encoded, 1 skipped"])?;
    talk.nothing_left("none")
}

#[test]
fn each_event_names_its_file_and_the_last_counts_them() -> Result<()> {
    let talk = films("batch-json")?;
    let text = "encode films/a.mp4 films/bad.mp4 films/old/b.mp4 -o out --json";
    let output = talk.command(&words(text))?.output()?;
    ensure!(output.status.code() == Some(3), "{output:?}");
    let lines = std::str::from_utf8(&output.stdout)?.lines();
    let events: Vec<Value> = lines.map(serde_json::from_str).collect::<Result<_, _>>()?;
    let last = events.last().context("there is an event")?;
    ensure!(last["event"] == "batch" && last["encoded"] == 2, "{last}");
    let results = last["results"].as_array().context("results")?;
    let outcomes: Vec<_> = results.iter().map(|one| &one["outcome"]).collect();
    ensure!(outcomes == ["encoded", "failed", "encoded"], "{outcomes:?}");
    for (input, event) in [
        ("films/a.mp4", "finished"),
        ("films/bad.mp4", "failed"),
        ("films/old/b.mp4", "finished"),
    ] {
        let told = events
            .iter()
            .any(|one| one["event"] == event && one["input"] == input);
        ensure!(told, "no {event} of {input}");
    }
    let nameless = events.iter().filter(|one| one["input"].is_null());
    ensure!(nameless.count() == 1, "an event is of no file");
    Ok(())
}

/// Reads events until a file is encoded, and tells which.
fn first_finished(run: &mut Child) -> Result<String> {
    let out = run.stdout.take().context("standard output")?;
    for line in BufReader::new(out).lines() {
        let event: Value = serde_json::from_str(&line?)?;
        if event["event"] == "finished" {
            let input = event["input"].as_str().context("it names its file")?;
            return Ok(input.to_owned());
        }
    }
    bail!("it ended without a file that is encoded")
}

#[test]
fn a_killed_batch_goes_on_where_it_was() -> Result<()> {
    let talk = films("batch-killed")?;
    fs::remove_file(talk.at("films/bad.mp4"))?;
    talk.put(Clip::OpenGopAvcMp4, "films/old/b.mp4")?;
    let slowly = "encode -r films -o out --json --workers 1 --chunk 15f --preset veryslow";
    let slowly: Vec<_> = slowly.split_whitespace().collect();
    let mut run = talk.command(&slowly)?.stdout(Stdio::piped()).spawn()?;
    let first = first_finished(&mut run)?;
    run.kill()?;
    run.wait()?;
    let first = talk.at(&first.replacen("films", "out", 1));
    let written = fs::metadata(&first)?.modified()?;
    talk.say(&slowly)?.is(0, &[])?;
    ensure!(
        fs::metadata(&first)?.modified()? == written,
        "it was written twice"
    );
    let (one, two) = (talk.at("out/a.mp4"), talk.at("out/old/b.mp4"));
    ensure!(corpus::frames(&one)?.len() == 60, "frames are missing");
    ensure!(corpus::frames(&two)?.len() == 200, "frames are missing");
    talk.nothing_left("none")
}
