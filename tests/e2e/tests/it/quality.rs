//! A quality over the whole file, as the whole stack searches for it and tells what it found.

use anyhow::{Context, Result, ensure};
use e2e::run::sha256;
use e2e::talk::Talk;

const FILM: &str = "-v error -f lavfi -i testsrc2=s=160x96:r=24:d=1,noise=alls=12:allf=t:all_seed=7 \
    -pix_fmt yuv420p -c:v ffv1 -bitexact";
const ENCODE: &str = "--preset veryfast --chunk 12f --align fixed";

fn say(talk: &Talk, words: &str) -> Result<(i32, String)> {
    let words: Vec<&str> = words.split_whitespace().collect();
    let output = talk.command_of("ves", &words)?.output()?;
    let status = output.status.code().context("a signal ended it")?;
    let said = [output.stdout, output.stderr].concat();
    Ok((status, String::from_utf8(said)?))
}

fn film(talk: &Talk) -> Result<()> {
    let film = talk.at("film.mkv").display().to_string();
    corpus::run("ffmpeg", FILM.split_whitespace().chain([film.as_str()]))?;
    Ok(())
}

#[test]
fn it_is_met_with_the_same_bytes_by_any_workers_and_told() -> Result<()> {
    let talk = Talk::new("quality")?;
    film(&talk)?;
    for (out, workers) in [("one", 1), ("two", 2)] {
        // Each with a cache of its own, so that it encodes by itself.
        let how = format!("--ssim 0.95 --workers {workers} --state {out}");
        let words = format!("encode film.mkv -o {out}.mp4 {ENCODE} {how}");
        let (status, said) = say(&talk, &words)?;
        ensure!(status == 0 && !said.contains("warning"), "{said}");
        let score = said.split("; SSIM ").nth(1).context(said.clone())?;
        let score: f64 = score.split(',').next().unwrap_or_default().parse()?;
        ensure!((score - 0.95).abs() <= 0.002, "{said}");
    }
    let sum = |name: &str| sha256(&talk.at(name));
    ensure!(
        sum("one.mp4")? == sum("two.mp4")?,
        "other bytes by two workers"
    );
    Ok(())
}

#[test]
fn what_cannot_be_is_refused_or_told_with_what_was_reached() -> Result<()> {
    let talk = Talk::new("quality-refused")?;
    film(&talk)?;
    let encode = |more: &str| {
        say(
            &talk,
            &format!("encode film.mkv -o out.mp4 {ENCODE} {more}"),
        )
    };
    for (more, told) in [
        ("--ssim 1.5", "a score of 1.5 is impossible for SSIM"),
        ("--vmaf 93 --crf 20", "cannot be used with"),
        ("--ssim 0.98 --max-bitrate 2M", "cannot be used with"),
    ] {
        let (status, said) = encode(more)?;
        ensure!(status == 2 && said.contains(told), "{more}: {said}");
    }
    let (status, said) = encode("--ssim 0.98 --dry-run")?;
    ensure!(status == 0 && said.contains("until SSIM 0.98"), "{said}");
    let (status, said) = encode("--ssim 0.1")?;
    let told = "warning: SSIM 0.1 was asked for, but the video has SSIM 0.";
    ensure!(status == 0 && said.contains(told), "{said}");
    Ok(())
}

/// An ffmpeg without any filter, where the one that measures is looked for.
#[test]
fn a_metric_that_nothing_here_measures_is_refused_before_anything_is_done() -> Result<()> {
    let mut talk = Talk::new("quality-unmeasured")?;
    film(&talk)?;
    talk.wrap_tool("ffmpeg-quality", "exit 0")?;
    let words = ["encode", "film.mkv", "-o", "out.mp4", "--vmaf", "93"];
    let mut command = talk.command_of("ves", &words)?;
    command.env_remove("COSMOS_TOOL_FFMPEG_QUALITY");
    let output = command.output()?;
    let said = String::from_utf8(output.stderr)?;
    ensure!(output.status.code() == Some(2), "{said}");
    ensure!(
        said.contains("does not measure VMAF") && said.contains("ffmpeg-quality"),
        "{said}"
    );
    ensure!(!talk.at("out.mp4").exists());
    Ok(())
}
