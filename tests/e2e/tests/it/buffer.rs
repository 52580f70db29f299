//! A decoder's buffer over the whole file, chunks and seams, as VVS judges it.

use anyhow::{Context, Result, ensure};
use e2e::run::sha256;
use e2e::talk::Talk;

/// Three seconds of grey, then three of noise.
const FILM: &str = "-v error -f lavfi -i color=gray:s=160x96:r=24:d=3 \
    -f lavfi -i color=gray:s=160x96:r=24:d=3,noise=alls=40:allf=t:all_seed=7 \
    -filter_complex concat=n=2,format=yuv420p -c:v ffv1 -bitexact";
const ENCODE: &str = "--preset veryfast --chunk 18f --align fixed";
const CAP: &str = "--max-bitrate 500k --buffer 400k";

fn say(talk: &Talk, program: &str, words: &str) -> Result<(i32, String)> {
    let words: Vec<&str> = words.split_whitespace().collect();
    let output = talk.command_of(program, &words)?.output()?;
    let status = output.status.code().context("a signal ended it")?;
    let said = [output.stdout, output.stderr].concat();
    Ok((status, String::from_utf8(said)?))
}

#[test]
fn it_is_kept_to_and_where_it_is_not_vvs_says_so() -> Result<()> {
    let talk = Talk::new("buffer")?;
    let film = talk.at("film.mkv").display().to_string();
    corpus::run("ffmpeg", FILM.split_whitespace().chain([film.as_str()]))?;
    for (out, how) in [
        ("one", "--crf 20 --workers 1"),
        ("two", "--crf 20 --workers 2"),
        ("led", "--bitrate 220k --workers 2"),
    ] {
        let words = format!("encode film.mkv -o {out}.mp4 {ENCODE} {how} {CAP}");
        let (status, said) = say(&talk, "ves", &words)?;
        ensure!(status == 0 && said.contains("buffer-model"), "{said}");
    }
    let sum = |name: &str| sha256(&talk.at(name));
    ensure!(
        sum("one.mp4")? == sum("two.mp4")?,
        "other bytes by two workers"
    );
    let (status, said) = say(&talk, "vvs", &format!("validate led.mp4 {CAP}"))?;
    ensure!(status == 0, "{said}");
    let free = talk.at("free.mp4").display().to_string();
    let words = format!("-v error -i {film} -c:v libx264 -preset veryfast -crf 20 {free}");
    corpus::run("ffmpeg", words.split_whitespace())?;
    let (status, said) = say(&talk, "vvs", &format!("validate free.mp4 {CAP}"))?;
    ensure!(status == 1 && said.contains("BUFFER_UNDERFLOW"), "{said}");
    let (status, said) = say(&talk, "vvs", "validate free.mp4 --max-bitrate 1G")?;
    ensure!(status == 0, "{said}");
    Ok(())
}

#[test]
fn what_cannot_be_kept_to_is_refused_and_a_dry_run_tells_the_passes() -> Result<()> {
    let talk = Talk::new("buffer-refused")?;
    talk.put(corpus::Clip::Tiny(30), "film.mp4")?;
    let encode = |more: &str| say(&talk, "ves", &format!("encode film.mp4 -o out.mp4 {more}"));
    for (more, told) in [
        ("--codec av1 --max-bitrate 2M", "--max-bitrate: SVT-AV1"),
        ("--bitrate 3M --max-bitrate 2M", "--max-bitrate: the whole"),
        (
            "--max-bitrate 2M --buffer 20k",
            "--buffer: the buffer holds less",
        ),
        (
            "--max-bitrate 90M --level 4",
            "--max-bitrate: level 4 allows",
        ),
    ] {
        let (status, said) = encode(more)?;
        ensure!(status == 2 && said.contains(told), "{more}: {said}");
        ensure!(said.contains("help:"), "{said}");
    }
    let (status, said) = encode("--crf 20 --max-bitrate 2M --dry-run")?;
    ensure!(status == 0 && said.contains("repair-2"), "{said}");
    ensure!(said.contains("rate_control.max_bitrate 2000000"), "{said}");
    Ok(())
}
