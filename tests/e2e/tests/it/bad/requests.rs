//! Requests that cannot be met.

use std::fs;

use anyhow::Result;
use corpus::Clip;
use e2e::talk::Talk;

#[test]
fn settings_that_contradict_one_another() -> Result<()> {
    let talk = Talk::new("request-contradictory")?;
    talk.put(Clip::Tiny(3), "film.mp4")?;
    let both = [
        "encode",
        "film.mp4",
        "-o",
        "out.mp4",
        "--crf",
        "20",
        "--lossless",
    ];
    talk.say(&both)?
        .is(2, &["--crf", "cannot be used with", "--lossless"])?;
    let profile = [
        "encode",
        "film.mp4",
        "-o",
        "out.mp4",
        "--lossless",
        "--profile",
        "high",
    ];
    talk.say(&profile)?
        .is(2, &["IMPOSSIBLE_COMBINATION", "help:"])?;
    talk.nothing_left("out.mp4")
}

#[test]
fn everything_that_is_wrong_is_told_at_once() -> Result<()> {
    let talk = Talk::new("request-all-at-once")?;
    talk.put(Clip::Tiny(3), "film.mp4")?;
    let many = [
        "encode", "film.mp4", "-o", "film.mp4", "--crf", "99", "--preset", "warp",
    ];
    let answer = talk.say(&many)?;
    answer.is(2, &["--preset: ", "--crf: ", "OUTPUT_IS_SOURCE"])?;
    let told = answer.said.matches("error: ").count();
    assert_eq!(told, 3, "{answer:?}");
    talk.nothing_left("out.mp4")
}

#[test]
fn a_size_that_the_codec_cannot_hold() -> Result<()> {
    let talk = Talk::new("request-odd-size")?;
    let film = talk.at("film.mkv").display().to_string();
    let words = "-v error -f lavfi -i testsrc2=s=352x288:d=1 -vf crop=351:287:0:0:exact=1 \
                 -pix_fmt yuv420p -c:v ffv1";
    corpus::run("ffmpeg", words.split_whitespace().chain([&*film]))?;
    let answer = talk.say(&["encode", "film.mkv", "-o", "out.mp4"])?;
    answer.is(2, &["351x287", "UNSUPPORTED_SIZE", "350x286"])?;
    talk.nothing_left("out.mp4")
}

#[test]
fn outputs_that_cannot_be() -> Result<()> {
    let talk = Talk::new("request-outputs")?;
    talk.put(Clip::Tiny(3), "film.mp4")?;
    let before = fs::read(talk.at("film.mp4"))?;
    let no_folder = talk.say(&["encode", "film.mp4", "-o", "no/out.mp4"])?;
    no_folder.is(2, &["OUTPUT_FOLDER", "no"])?;
    let itself = talk.say(&["encode", "film.mp4", "-o", "./film.mp4", "--overwrite"])?;
    itself.is(2, &["OUTPUT_IS_SOURCE", "never touched"])?;
    std::os::unix::fs::symlink("film.mp4", talk.at("link.mp4"))?;
    let link = talk.say(&["encode", "film.mp4", "-o", "link.mp4", "--overwrite"])?;
    assert_ne!(link.status, 0, "{link:?}");
    fs::write(talk.at("there.mp4"), "precious")?;
    let there = talk.say(&["encode", "film.mp4", "-o", "there.mp4"])?;
    there.is(2, &["OUTPUT_EXISTS", "--overwrite"])?;
    assert_eq!(fs::read(talk.at("there.mp4"))?, b"precious");
    assert_eq!(fs::read(talk.at("film.mp4"))?, before);
    talk.nothing_left("no/out.mp4")
}
