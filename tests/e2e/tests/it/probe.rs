//! `ves probe` on hard and on hostile files.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use corpus::Clip;
use e2e::terminal::ves;
use serde_json::Value;

struct Answer {
    status: i32,
    json: Value,
}

fn probe(file: &Path, more: &[&str]) -> Result<Answer> {
    let folder = tempfile::tempdir()?;
    let file = file.display().to_string();
    let words = [&["probe", &file, "--json"][..], more].concat();
    let output = ves(folder.path(), &words)?.output()?;
    ensure!(output.stderr.is_empty(), "{output:?}");
    Ok(Answer {
        status: output.status.code().unwrap_or(-1),
        json: serde_json::from_slice(&output.stdout)?,
    })
}

fn codes(answer: &Answer) -> Vec<&str> {
    let unusual = answer.json["unusual"].as_array();
    let codes = unusual.into_iter().flatten();
    codes.filter_map(|oddity| oddity["code"].as_str()).collect()
}

#[test]
fn what_is_unusual_is_seen() -> Result<()> {
    let table = [
        (Clip::Plain, &[][..]),
        (
            Clip::OpenGopAvcTs,
            &["open_gop", "no_index", "late_start"][..],
        ),
        (Clip::Vfr, &["variable_frame_rate"]),
        (Clip::EditList, &["hidden_frames"]),
        (Clip::DelayedStart, &["late_start"]),
        (Clip::Rotated, &["rotated"]),
        (
            Clip::InterlacedMpegPs,
            &[
                "open_gop",
                "no_index",
                "late_start",
                "interlaced",
                "anamorphic",
            ],
        ),
        (
            Clip::Truncated,
            &[
                "damaged",
                "index_not_trusted",
                "other_count_announced",
                "hidden_frames",
            ],
        ),
        (
            Clip::Elementary,
            &["index_not_trusted", "timestamps_repaired", "no_index"],
        ),
    ];
    for (clip, expected) in table {
        let answer = probe(&corpus::clip(clip)?, &[])?;
        ensure!(answer.status == 0, "{clip:?}: {}", answer.json);
        ensure!(codes(&answer) == expected, "{clip:?}: {:?}", codes(&answer));
    }
    Ok(())
}

#[test]
fn figures_are_exact_and_the_plan_is_that_of_the_splitter() -> Result<()> {
    let file = corpus::clip(Clip::WithAudio)?;
    let more = ["--chunk", "50f", "--align", "fixed", "--crf", "20"];
    let Answer { status, json } = probe(&file, &more)?;
    ensure!(status == 0, "{json}");
    let (source, plan) = (&json["source"], &json["plan"]);
    ensure!(source["frames"] == 150, "{source}");
    ensure!(source["duration"] == "1001/200", "{source}");
    ensure!(source["video"]["frame_rate"] == "30000/1001", "{source}");
    ensure!(source["other_tracks"][0]["codec"] == "aac", "{source}");
    ensure!(plan["chunks"] == 3 && plan["longest_chunk"] == 50, "{plan}");
    ensure!(plan["tracks"][0]["kept"] == true, "{plan}");
    let args = plan["encoder_args"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    ensure!(args.windows(2).any(|pair| pair == ["-crf", "20"]), "{plan}");
    Ok(())
}

#[test]
fn what_cannot_be_encoded_as_asked_is_described_and_refused() -> Result<()> {
    let file = corpus::clip(Clip::HighBitDepth)?;
    let answer = probe(&file, &["--profile", "high"])?;
    ensure!(answer.status == 2, "{}", answer.json);
    ensure!(
        answer.json["source"]["video"]["hdr"][0] == "PQ",
        "{}",
        answer.json
    );
    ensure!(answer.json["plan"].is_null(), "{}", answer.json);
    let error = &answer.json["errors"][0];
    ensure!(error["field"] == "recipe.codec.profile", "{error}");
    Ok(())
}

#[test]
fn hostile_files_are_bad_sources_and_nothing_worse() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let plain = fs::read(corpus::clip(Clip::Plain)?)?;
    let mut scrambled = plain.clone();
    let bytes = scrambled.iter_mut().enumerate().skip(24);
    bytes.for_each(|(at, byte)| *byte ^= (at % 251) as u8);
    let table: [(&str, &[u8]); 5] = [
        ("text.mp4", b"this is not a film"),
        ("header.mp4", &plain[..40]),
        ("scrambled.mp4", &scrambled),
        (
            "playlist.m3u8",
            b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        ),
        ("concat.txt", b"ffconcat version 1.0\nfile /etc/passwd\n"),
    ];
    for (name, bytes) in table {
        let file = folder.path().join(name);
        fs::write(&file, bytes)?;
        let answer = probe(&file, &[])?;
        ensure!(answer.status == 3, "{name}: {}", answer.json);
        let error = &answer.json["errors"][0];
        ensure!(error["code"] == "UNREADABLE_SOURCE", "{name}: {error}");
    }
    Ok(())
}
