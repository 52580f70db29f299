//! `ves validate` on good, bad and hostile files.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use corpus::Clip;
use e2e::installation::wait_until;
use e2e::leftovers;
use e2e::talk::Talk;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// What was answered: exit status, standard output, standard error.
struct Answer {
    status: i32,
    out: String,
    err: String,
}

/// `ves` with these words.
fn say(talk: &Talk, words: &str) -> Result<Answer> {
    let words: Vec<&str> = words.split_whitespace().collect();
    answer(talk.command(&words)?)
}

/// `vvs` with these words.
fn judge(talk: &Talk, words: &str) -> Result<Answer> {
    let words: Vec<&str> = words.split_whitespace().collect();
    answer(talk.command_of("vvs", &words)?)
}

fn answer(mut command: Command) -> Result<Answer> {
    let output = command.output()?;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes);
    Ok(Answer {
        status: output.status.code().context("a signal ended it")?,
        out: text(output.stdout)?,
        err: text(output.stderr)?,
    })
}

impl Answer {
    /// Demands this exit status, and that every one of these is said.
    fn is(&self, status: i32, said: &[&str]) -> Result<()> {
        let Self { out, err, .. } = self;
        ensure!(self.status == status, "{}: {out}\n{err}", self.status);
        for words in said {
            let found = out.contains(words) || err.contains(words);
            ensure!(found, "no `{words}` in {out}\n{err}");
        }
        Ok(())
    }
}

/// A folder with `film.mp4`, of 60 frames, and whatever ffmpeg makes of it as `out.mp4`.
fn film(name: &'static str, made: &str) -> Result<Talk> {
    let talk = Talk::new(name)?;
    talk.put(Clip::Tiny(60), "film.mp4")?;
    let at = |name: &str| talk.at(name).display().to_string();
    let (film, out) = (at("film.mp4"), at("out.mp4"));
    let words = format!("-v error -i {film} {made} -c:v libx264 -preset ultrafast {out}");
    corpus::run("ffmpeg", words.split_whitespace())?;
    Ok(talk)
}

#[test]
fn a_good_encode_passes_whoever_made_it() -> Result<()> {
    let talk = film("validate-good", "-crf 23")?;
    let alone = say(&talk, "validate out.mp4")?;
    alone.is(0, &["PASS  ", "60 frames", "checked: clean-decode"])?;
    let told = "--codec avc --size 320x180 --sar 1:1 --frames 60 --pixel-format yuv420p \
                --level 4.1 --scan progressive --rotation 0 --other-tracks 0 --boundaries 0,30";
    let whole = say(&talk, &format!("validate out.mp4 --source film.mp4 {told}"))?;
    let checks = "checked: frame-count, timestamps, format, tracks, clean-decode, same-frames, \
                  quality-steps";
    whole.is(0, &["PASS  ", checks])?;
    say(
        &talk,
        "encode film.mp4 -o ours.mkv --preset ultrafast --chunk 30f",
    )?
    .is(0, &[])?;
    let ours = say(&talk, "validate ours.mkv --source film.mp4 --quiet")?;
    ours.is(0, &[])?;
    ensure!(ours.out.is_empty() && ours.err.is_empty(), "{}", ours.out);
    talk.nothing_left("none")
}

#[test]
fn a_dropped_frame_is_named() -> Result<()> {
    let drop = "-vf select='not(eq(n,37))' -fps_mode passthrough";
    let talk = film("validate-dropped", drop)?;
    let answer = say(&talk, "validate out.mp4 --source film.mp4 --no-timestamps")?;
    let missing = "frame 37: frame 37 of the source is missing [FRAME_MISSING]";
    answer.is(1, &["FAIL  ", "in 59 frames", missing])?;
    ensure!(!answer.out.contains("timestamps"), "{}", answer.out);
    let timed = say(&talk, "validate out.mp4 --source film.mp4")?;
    let follows = "and so frames 37 to 58: ";
    let said = ["1 difference in 59", missing, follows, "[WRONG_TIMESTAMPS]"];
    timed.is(1, &said)
}

#[test]
fn a_page_shows_the_frames_that_differ() -> Result<()> {
    let drop = "-vf select='not(eq(n,37))' -fps_mode passthrough";
    let talk = film("validate-page", drop)?;
    let words = "validate out.mp4 --source film.mp4 --page page.html";
    say(&talk, words)?.is(1, &["FRAME_MISSING"])?;
    let page = fs::read_to_string(talk.at("page.html"))?;
    // The frame before, and the one that is missing, of both files.
    ensure!(
        page.matches("src=\"data:image/jpeg;base64,").count() == 4,
        "pictures"
    );
    ensure!(page.matches("<svg ").count() == 2, "figures");
    for part in [
        "FAIL",
        "FRAME_MISSING",
        "frame 37",
        "alt=\"source, frame 37\"",
    ] {
        ensure!(page.contains(part), "no `{part}`");
    }
    say(&talk, words)?.is(1, &[])?;
    fs::write(talk.at("page.html"), "something else")?;
    say(&talk, words)?.is(2, &["--page: page.html is there, and is no page"])
}

#[test]
fn what_a_file_expects_is_looked_at() -> Result<()> {
    let talk = film("validate-expect", "-g 60 -keyint_min 60")?;
    let expectations = "
expectations:
  - format: {codec: h264, video: {resolution: {width: 320, height: 180}}}
  - timestamps: {}
  - random_access: {max_frames: 30}
";
    fs::write(talk.at("expect.yaml"), expectations)?;
    let words = "validate out.mp4 --source film.mp4 --expect expect.yaml";
    let answer = judge(&talk, words)?;
    answer.is(1, &["1 difference", "frames 0 to 59: ", "[RARE_ACCESS]"])?;
    let answer = judge(&talk, &format!("{words} --max-gop 60"))?;
    answer.is(2, &["expectations[2]: ", "TOLD_TWICE"])?;
    let answer = judge(&talk, "validate out.mp4 --expect expect.yaml")?;
    answer.is(2, &["expectations[1].timestamps: ", "NO_TIMES"])
}

#[test]
fn another_film_is_no_source() -> Result<()> {
    let talk = film("validate-other-source", "-vf hflip")?;
    let answer = say(&talk, "validate out.mp4 --source film.mp4")?;
    answer.is(1, &["FAIL  ", "frames 0 to 59: ", "[FOREIGN_FRAMES]"])
}

#[test]
fn what_it_is_told_to_be_is_looked_at_and_nothing_else() -> Result<()> {
    let marks = "-vf setsar=4/3 -color_primaries bt709 -color_trc smpte170m";
    let talk = film("validate-marks", marks)?;
    say(&talk, "validate out.mp4 --color-primaries bt709")?.is(0, &["PASS  "])?;
    let answer = say(&talk, "validate out.mp4 --sar 1:1 --codec av1 --frames 61")?;
    let said = [
        "FAIL  ",
        "3 differences in 60 frames",
        "frame 60: 60 frames are shown, but there should be 61 [WRONG_FRAME_COUNT]",
        "pixel shape: 4:3 instead of 1:1 [WRONG_PIXEL_SHAPE]",
        "codec: h264 instead of av1 [WRONG_CODEC]",
    ];
    answer.is(1, &said)?;
    talk.put(Clip::Rotated, "turned.mp4")?;
    say(&talk, "validate turned.mp4 --sar 1:1")?.is(0, &["checked: format"])?;
    let answer = say(&talk, "validate turned.mp4 --rotation 0")?;
    answer.is(1, &["rotation: ", " instead of 0 [WRONG_ROTATION]"])
}

#[test]
fn damage_is_found_without_a_source() -> Result<()> {
    let talk = Talk::new("validate-damaged")?;
    talk.put(Clip::Truncated, "out.mp4")?;
    say(&talk, "validate out.mp4")?.is(1, &["FAIL  ", "[UNCLEAN_DECODE]", "frames "])
}

#[test]
fn what_cannot_be_judged_is_refused() -> Result<()> {
    let talk = film("validate-refused", "")?;
    say(&talk, "validate no.mp4")?.is(2, &["VIDEO: no.mp4 does not exist"])?;
    fs::write(talk.at("text.mp4"), "To be, or not to be\n".repeat(500))?;
    say(&talk, "validate text.mp4")?.is(3, &["VIDEO: ", "UNREADABLE_VIDEO", "help:"])?;
    let playlist = format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{}\n",
        talk.at("out.mp4").display()
    );
    fs::write(talk.at("playlist.mp4"), playlist)?;
    let answer = say(&talk, "validate playlist.mp4")?;
    answer.is(3, &["UNREADABLE_VIDEO", "point to other files"])?;
    for source in ["text.mp4", "playlist.mp4"] {
        let more = ["", " --no-timestamps"];
        for more in more {
            let answer = say(&talk, &format!("validate out.mp4 --source {source}{more}"))?;
            answer.is(3, &["--source: ", "UNREADABLE_SOURCE"])?;
        }
    }
    talk.nothing_left("none")
}

#[test]
fn json_is_one_event_a_line_and_the_last_is_the_verdict() -> Result<()> {
    let talk = film(
        "validate-json",
        "-vf select='not(eq(n,37))' -fps_mode passthrough",
    )?;
    let answer = say(&talk, "validate out.mp4 --source film.mp4 --json")?;
    answer.is(1, &[])?;
    ensure!(answer.err.is_empty(), "{}", answer.err);
    let lines = answer.out.lines().map(serde_json::from_str);
    let events: Vec<Value> = lines.collect::<Result<_, _>>()?;
    ensure!(events[0]["event"] == "accepted", "{}", events[0]);
    let verdict = events.last().context("there is an event")?;
    ensure!(verdict["event"] == "validated", "{verdict}");
    ensure!(
        verdict["valid"] == false && verdict["frames"] == 59,
        "{verdict}"
    );
    let found = verdict["discrepancies"].as_array().context("a list")?;
    ensure!(verdict["discrepancy_count"] == found.len(), "{verdict}");
    let missing = found.iter().find(|one| one["code"] == "FRAME_MISSING");
    let frames = &missing.context("the frame")?["frames"];
    ensure!(
        *frames == serde_json::json!({"start": 37, "end": 38}),
        "{frames}"
    );
    let source = verdict["source"].as_str().unwrap_or_default();
    ensure!(source.ends_with("film.mp4"), "{verdict}");
    Ok(())
}

/// Processes that a process has begun, however deep, and that run this.
fn descendant(parent: i32, words: &str) -> Result<bool> {
    let mut family = vec![parent];
    while let Some(parent) = family.pop() {
        let parent = Pid::from_raw(parent).context("a process has a number")?;
        for child in leftovers::children(parent)? {
            let line = fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
            if String::from_utf8_lossy(&line)
                .replace('\0', " ")
                .contains(words)
            {
                return Ok(true);
            }
            family.push(child);
        }
    }
    Ok(false)
}

/// Validations that have a folder.
fn validations(talk: &Talk) -> Result<usize> {
    let folder = talk.at("state/validations");
    let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    Ok(entries.iter().filter(|entry| entry.path().is_dir()).count())
}

/// A validation in the middle of a decode, which does not end by itself.
fn under_way(talk: &mut Talk) -> Result<Child> {
    talk.wrap_tool("ffmpeg", "exec sleep 4321")?;
    let mut command = talk.command(&["validate", "out.mp4", "--source", "film.mp4"])?;
    let run = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let id = i32::try_from(run.id())?;
    wait_until("decode", || descendant(id, "sleep 4321"))?;
    ensure!(validations(talk)? == 1, "its state is elsewhere");
    Ok(run)
}

#[test]
fn an_interrupted_one_leaves_nothing() -> Result<()> {
    let mut talk = film("validate-interrupted", "")?;
    let run = under_way(&mut talk)?;
    let id = i32::try_from(run.id())?;
    kill_process(Pid::from_raw(id).context("a process")?, Signal::INT)?;
    let output = run.wait_with_output()?;
    ensure!(output.status.code() == Some(130), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(said.contains("interrupted; nothing is left"), "{said}");
    ensure!(output.stdout.is_empty(), "{output:?}");
    ensure!(validations(&talk)? == 0, "something is left");
    talk.nothing_left("none")
}

#[test]
fn what_a_killed_one_left_is_cleared_by_the_next() -> Result<()> {
    let mut talk = film("validate-killed", "")?;
    let mut run = under_way(&mut talk)?;
    run.kill()?;
    run.wait()?;
    ensure!(
        validations(&talk)? == 1,
        "nothing is left, so there is nothing to prove"
    );
    talk.only_path(&PathBuf::from(std::env::var("PATH")?));
    say(&talk, "validate out.mp4")?.is(0, &["PASS  "])?;
    ensure!(validations(&talk)? == 0, "something is left");
    talk.nothing_left("none")
}
