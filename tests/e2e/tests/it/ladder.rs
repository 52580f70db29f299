//! Ladders: several encodes of one film, as one request.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use e2e::run::sha256;
use e2e::talk::Talk;
use serde_json::Value;

/// Four scenes of 35 frames, so that encoders would like key frames where no chunk begins.
const FILM: &str = "-v error -f lavfi -i testsrc2=s=192x108:r=24:d=6 \
    -vf hue=h=floor(n/35)*90:b=floor(n/35)*2-3,format=yuv420p -c:v ffv1 -bitexact";
const RUNGS: &str = "
rungs:
  - name: avc
    recipe:
      codec: {format: CODEC_FORMAT_AVC, preset: veryfast}
      rate_control: {crf: 24, max_bitrate: 900000, buffer: 900000}
  - name: av1
    recipe:
      codec: {format: CODEC_FORMAT_AV1, preset: '12'}
      rate_control: {crf: 40}
      resolution: {height: 72}
";
const LADDER: &str =
    "encode film.mkv -o {stem}-{rung}.{ext} --ladder rungs.yaml --chunk 60f --json";
/// The same rungs, each by itself.
const ALONE: [(&str, &str); 2] = [
    (
        "avc",
        "--codec avc --preset veryfast --crf 24 --max-bitrate 900k",
    ),
    ("av1", "--codec av1 --preset 12 --crf 40 --height 72"),
];

fn talk(name: &'static str) -> Result<Talk> {
    let talk = Talk::new(name)?;
    let film = talk.at("film.mkv").display().to_string();
    corpus::run("ffmpeg", FILM.split_whitespace().chain([film.as_str()]))?;
    fs::write(talk.at("rungs.yaml"), RUNGS)?;
    Ok(talk)
}

/// What a command says, one event a line.
fn events(talk: &Talk, words: &str) -> Result<Vec<Value>> {
    let words: Vec<&str> = words.split_whitespace().collect();
    let output = talk.command(&words)?.output()?;
    ensure!(output.status.success(), "{output:?}");
    let lines = std::str::from_utf8(&output.stdout)?.lines();
    Ok(lines.map(serde_json::from_str).collect::<Result<_, _>>()?)
}

fn finished<'a>(events: &'a [Value], rung: &str) -> Result<&'a Value> {
    let is_it = |event: &&Value| event["event"] == "finished" && event["rung"] == rung;
    events.iter().find(is_it).context("it is not finished")
}

/// Times of the packets with which decoding can begin, in seconds, as they are written.
fn access_points(path: &Path) -> Result<BTreeSet<String>> {
    let args = "-v error -select_streams v -show_entries packet=pts_time,flags -of csv=p=0";
    let path = path.display().to_string();
    let said = corpus::run("ffprobe", args.split_whitespace().chain([path.as_str()]))?;
    let said = String::from_utf8(said)?;
    let keys = said.lines().filter_map(|line| line.split_once(','));
    let keys = keys.filter(|(_, flags)| flags.contains('K'));
    Ok(keys.map(|(time, _)| time.to_owned()).collect())
}

#[test]
fn rungs_begin_at_the_same_frames_and_are_what_each_alone_would_be() -> Result<()> {
    let talk = talk("ladder")?;
    let said = events(&talk, LADDER)?;
    let last = said.last().context("there is an event")?;
    ensure!(last["event"] == "batch" && last["encoded"] == 2, "{last}");
    for (rung, recipe) in ALONE {
        let one = finished(&said, rung)?;
        let checks = one["checks"].as_array().context("checks")?;
        ensure!(checks.contains(&"random-access".into()), "{one}");
        ensure!(one["chunks_encoded"] == 3 && one["frames"] == 144, "{one}");
        let points = access_points(&talk.at(&format!("film-{rung}.mp4")))?;
        let expected = ["0.000000", "2.500000", "5.000000"].map(str::to_owned);
        ensure!(points == expected.into(), "{rung}: {points:?}");
        let alone = format!(
            "encode film.mkv -o alone.mp4 -y {recipe} --chunk 60f --align fixed \
             --aligned-access --state other --json"
        );
        events(&talk, &alone)?;
        let (one, other) = (format!("film-{rung}.mp4"), "alone.mp4");
        ensure!(
            sha256(&talk.at(&one))? == sha256(&talk.at(other))?,
            "{rung}"
        );
    }
    // A rung that changes is encoded again, and no other.
    fs::write(talk.at("rungs.yaml"), RUNGS.replace("crf: 40", "crf: 45"))?;
    let again = events(&talk, &format!("{LADDER} -y"))?;
    ensure!(finished(&again, "avc")?["chunks_reused"] == 3, "{again:?}");
    ensure!(finished(&again, "av1")?["chunks_encoded"] == 3, "{again:?}");
    talk.nothing_left("none")
}

#[test]
fn every_problem_of_all_rungs_is_told_before_one_is_encoded() -> Result<()> {
    let talk = talk("ladder-refused")?;
    let levels = RUNGS
        .replace("preset: veryfast", "preset: veryfast, level: '1'")
        .replace("preset: '12'", "preset: '12', level: '2.0'")
        .replace("height: 72", "height: 1080");
    fs::write(talk.at("rungs.yaml"), levels)?;
    let words: Vec<&str> = LADDER
        .split_whitespace()
        .filter(|word| *word != "--json")
        .collect();
    let told = [
        "ladder.rungs[0].recipe.codec.level",
        "ladder.rungs[1].recipe.codec.level",
    ];
    talk.say(&words)?.is(2, &told)?;
    let dry: Vec<&str> = words.iter().copied().chain(["--dry-run"]).collect();
    talk.say(&dry)?.is(2, &told)?;
    fs::write(talk.at("rungs.yaml"), RUNGS)?;
    let output = talk.command(&dry)?.output()?;
    let said = String::from_utf8(output.stdout)?;
    for part in [
        "film-avc.mp4",
        "libx264",
        "min-keyint=60",
        "film-av1.mp4",
        "-g 60",
        "h=72",
    ] {
        ensure!(said.contains(part), "no `{part}` in {said}");
    }
    talk.nothing_left("film-avc.mp4")
}
