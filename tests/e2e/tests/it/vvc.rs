//! VVC through the whole stack: by another ffmpeg than the others, and the same bytes by any workers.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use e2e::run::{Encode, Finished};
use e2e::talk::Talk;

const FRAMES: u64 = 70;
const FILM: &str = "-v error -f lavfi -i testsrc2=s=96x64:r=24 -frames:v 70 -pix_fmt yuv420p \
    -c:v libx264 -preset ultrafast -qp 0 -y";
const ENCODE: [&str; 8] = [
    "--codec", "vvc", "--preset", "faster", "--chunk", "30f", "--align", "fixed",
];

fn film(to: &Path) -> Result<()> {
    let to = to.display().to_string();
    corpus::run("ffmpeg", FILM.split_whitespace().chain([to.as_str()]))?;
    Ok(())
}

/// A path on which the tool is found under its name.
fn path_with(tool: &str, folder: &Path) -> Result<String> {
    let inherited = std::env::var("PATH")?;
    let places = std::env::split_paths(&inherited);
    let mut found = places
        .map(|place| place.join(tool))
        .filter(|path| path.is_file());
    let tool = found.next().unwrap_or_else(|| PathBuf::from(tool));
    std::fs::create_dir_all(folder)?;
    symlink(tool, folder.join("ffmpeg-vvc"))?;
    Ok(format!("{}:{inherited}", folder.display()))
}

/// In seconds, of each packet.
fn times(video: &Path) -> Result<Vec<String>> {
    let video = video.display().to_string();
    let words = "-v error -select_streams v:0 -show_entries packet=pts_time -of csv=p=0";
    let list = corpus::run("ffprobe", words.split(' ').chain([video.as_str()]))?;
    let list = String::from_utf8(list)?;
    let mut times: Vec<String> = list.lines().map(str::to_owned).collect();
    times.sort_unstable();
    Ok(times)
}

#[test]
fn the_same_bytes_by_any_workers_and_again_from_the_cache() -> Result<()> {
    let Some(tool) = corpus::ffmpeg_vvc("VVC through the whole stack") else {
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let source = folder.path().join("film.mp4");
    film(&source)?;
    let path = path_with(&tool, &folder.path().join("tools"))?;
    let encode = |name: &str, workers: &str| -> Result<Encode> {
        let place = folder.path().join(name);
        std::fs::create_dir(&place)?;
        let args = ENCODE.into_iter().chain(["--workers", workers]);
        let mut encode = Encode::new(&source, &place, &args.collect::<Vec<_>>());
        encode.env = vec![("PATH".into(), path.clone())];
        Ok(encode)
    };
    let (one, two) = (encode("one", "1")?, encode("two", "2")?);
    let told = |done: &Finished| (done.frames, done.chunks_encoded, done.chunks_reused);
    let first = one.finish()?;
    ensure!(told(&first) == (FRAMES, 3, 0), "{first:?}");
    let other = two.finish()?;
    ensure!(first.sha256 == other.sha256, "other bytes by two workers");
    let again = one.finish()?;
    ensure!(told(&again) == (FRAMES, 0, 3), "{again:?}");
    ensure!(first.sha256 == again.sha256, "other bytes from the cache");
    ensure!(times(&one.output)? == times(&source)?, "other times");
    Ok(())
}

/// An ffmpeg without any encoder, where the one that has it is looked for.
#[test]
fn without_the_encoder_it_is_refused_before_anything_is_done() -> Result<()> {
    let mut talk = Talk::new("vvc-refused")?;
    film(&talk.at("film.mp4"))?;
    talk.wrap_tool("ffmpeg-vvc", "exit 0")?;
    for more in ["--workers=1", "--dry-run"] {
        let words = ["encode", "film.mp4", "-o", "out.mp4", "--codec=vvc", more];
        let mut command = talk.command_of("ves", &words)?;
        command.env_remove("COSMOS_TOOL_FFMPEG_VVC");
        let output = command.output()?;
        let said = String::from_utf8(output.stderr)?;
        ensure!(output.status.code() == Some(2), "{said}");
        for word in [
            "[ENCODER_UNAVAILABLE]",
            "libvvenc",
            "under the name ffmpeg-vvc",
        ] {
            ensure!(said.contains(word), "no {word}: {said}");
        }
        ensure!(!talk.at("out.mp4").exists());
    }
    Ok(())
}

#[test]
fn what_vvc_cannot_be_here_is_refused_with_what_can() -> Result<()> {
    let Some(tool) = corpus::ffmpeg_vvc("what VVC cannot be") else {
        return Ok(());
    };
    let talk = Talk::new("vvc-impossible")?;
    film(&talk.at("film.mp4"))?;
    let path = path_with(&tool, &talk.at("tools"))?;
    for (output, more, told) in [
        (
            "out.mp4",
            "--bitrate=1M",
            "VVenC is not led to a bitrate yet",
        ),
        (
            "out.mp4",
            "--ssim=0.95",
            "VVenC is not led to a quality yet",
        ),
        (
            "out.mp4",
            "--max-bitrate=1M",
            "VVenC is not kept to a buffer yet",
        ),
        ("out.mp4", "--lossless", "VVenC does not code without loss"),
        ("out.mp4", "--bit-depth=8", "VVenC codes 10 bits per sample"),
        ("out.mkv", "--crf=30", "Matroska does not hold VVC (H.266)"),
    ] {
        let words = ["encode", "film.mp4", "-o", output, "--codec=vvc", more];
        let output = talk
            .command_of("ves", &words)?
            .env("PATH", &path)
            .output()?;
        let said = String::from_utf8(output.stderr)?;
        ensure!(output.status.code() == Some(2), "{more}: {said}");
        ensure!(said.contains(told), "{more}: {said}");
        said.find("hint: ")
            .or(said.find("use "))
            .context(said.clone())?;
    }
    Ok(())
}
