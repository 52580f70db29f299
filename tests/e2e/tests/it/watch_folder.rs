//! `ves watch-folder`, as whole conversations.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use anyhow::{Context, Result, bail, ensure};
use corpus::Clip;
use e2e::installation::wait_until;
use e2e::talk::Talk;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const WATCH: &str = "watch-folder in -r -o out --settle 1 --preset ultrafast";

fn watch(talk: &Talk, more: &str) -> Result<Child> {
    let words = format!("{WATCH} {more}");
    let words: Vec<_> = words.split_whitespace().collect();
    let mut command = talk.command(&words)?;
    let run = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(run.spawn()?)
}

fn interrupt(run: Child) -> Result<String> {
    let id = Pid::from_raw(i32::try_from(run.id())?).context("a process")?;
    kill_process(id, Signal::INT)?;
    let output = run.wait_with_output()?;
    ensure!(output.status.code() == Some(130), "{output:?}");
    Ok(String::from_utf8(output.stderr)?)
}

/// Every event until this file is encoded.
fn until_finished(run: &mut Child, input: &str) -> Result<Vec<Value>> {
    let mut events = Vec::new();
    for line in BufReader::new(run.stdout.take().context("standard output")?).lines() {
        let event: Value = serde_json::from_str(&line?)?;
        events.push(event.clone());
        let of_it = event["input"]
            .as_str()
            .is_some_and(|it| it.ends_with(input));
        if event["event"] == "finished" && of_it {
            return Ok(events);
        }
    }
    bail!("it ended: {events:?}")
}

#[test]
fn what_comes_is_encoded_once_also_after_a_kill() -> Result<()> {
    let talk = Talk::new("watch-folder")?;
    fs::create_dir_all(talk.at("in/later"))?;
    fs::create_dir(talk.at("out"))?;
    talk.put(Clip::Tiny(45), "in/a.mp4")?;
    fs::write(talk.at("in/bad.mp4"), "no film at all".repeat(100))?;
    let run = watch(&talk, "")?;
    wait_until("the first output", || Ok(talk.at("out/a.mp4").exists()))?;
    talk.put(Clip::Tiny(60), "in/later/b.mp4")?;
    let later = talk.at("out/later/b.mp4");
    wait_until("the second output", || Ok(later.exists()))?;
    let said = interrupt(run)?;
    for part in [
        "watching in",
        "a.mp4: 45 frames",
        "bad.mp4:\n",
        "goes on watching",
    ] {
        ensure!(said.contains(part), "no `{part}` in {said}");
    }
    ensure!(talk.at("in/a.mp4").exists(), "a source is gone");
    // Somebody has fetched it.
    fs::remove_file(talk.at("out/a.mp4"))?;
    talk.put(Clip::Tiny(3), "in/c.mp4")?;
    let mut run = watch(&talk, "--json")?;
    let events = until_finished(&mut run, "in/c.mp4")?;
    run.kill()?;
    run.wait()?;
    let others = |event: &&Value| {
        let input = event["input"].as_str().unwrap_or_default();
        !input.ends_with("in/c.mp4")
    };
    let others: Vec<_> = events.iter().filter(others).collect();
    ensure!(others.is_empty(), "{others:?}");
    ensure!(!talk.at("out/a.mp4").exists(), "it was encoded twice");
    Ok(())
}

#[test]
fn outputs_that_would_be_taken_for_inputs_are_refused() -> Result<()> {
    let talk = Talk::new("watch-folder-circle")?;
    fs::create_dir_all(talk.at("in/out"))?;
    let say = |words: &str| talk.say(&words.split_whitespace().collect::<Vec<_>>());
    say("watch-folder in -r -o in/out")?.is(2, &["OUTPUT_WATCHED", "outside of it"])?;
    say("watch-folder in -o in/x-{stem}.mp4")?.is(2, &["OUTPUT_WATCHED"])?;
    say("watch-folder nowhere -o in --crf 99")?.is(2, &["NO_FOLDER", "--crf: "])
}
