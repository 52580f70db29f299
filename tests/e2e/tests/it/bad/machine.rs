//! Machines that lack something.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use corpus::Clip;
use e2e::talk::Talk;

/// A small file system of its own; unmounted when dropped.
struct Tmpfs<'a>(&'a Path);

impl<'a> Tmpfs<'a> {
    /// `None`, loudly, where nothing may be mounted.
    fn mount(what: &str, at: &'a Path, options: &str) -> Result<Option<Self>> {
        fs::create_dir_all(at)?;
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(at)
            .output()?;
        if !mount.status.success() {
            corpus::skip(what, "a file system cannot be mounted here");
            return Ok(None);
        }
        Ok(Some(Self(at)))
    }
}

impl Drop for Tmpfs<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

const SMALL_CHUNKS: [&str; 4] = ["--chunk", "30f", "--preset", "ultrafast"];

fn encode<'a>(output: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [
        &["encode", "film.mp4", "-o", output][..],
        &SMALL_CHUNKS,
        more,
    ]
    .concat()
}

#[test]
fn a_folder_that_cannot_be_written() -> Result<()> {
    let talk = Talk::new("machine-read-only")?;
    talk.put(Clip::Tiny(3), "film.mp4")?;
    let folder = talk.at("fixed");
    let Some(_mounted) = Tmpfs::mount("a read-only output folder", &folder, "ro,size=1m")? else {
        return Ok(());
    };
    let answer = talk.say(&encode("fixed/out.mp4", &[]))?;
    answer.is(2, &["OUTPUT_NOT_WRITABLE", "fixed", "Read-only", "help:"])
}

#[test]
fn a_disk_that_is_full() -> Result<()> {
    let talk = Talk::new("machine-disk-full")?;
    talk.put(Clip::Plain, "film.mp4")?;
    let small = talk.at("small");
    let Some(mounted) = Tmpfs::mount("a full disk", &small, "size=256k")? else {
        return Ok(());
    };
    let words = encode("small/out.mp4", &["--crf", "1"]);
    talk.say(&words)?
        .is(5, &["No space left", "small", "help:"])?;
    ensure!(
        fs::read_dir(&small)?.next().is_none(),
        "something was left on the full disk"
    );
    drop(mounted);
    talk.say(&words)?.is(0, &["150 frames", "chunks reused"])
}

#[test]
fn a_machine_without_an_encoder() -> Result<()> {
    let mut talk = Talk::new("machine-no-encoder")?;
    talk.put(Clip::Tiny(3), "film.mp4")?;
    fs::create_dir(talk.at("nothing"))?;
    let nothing = talk.at("nothing");
    talk.only_path(&nothing);
    let answer = talk.say(&encode("out.mp4", &[]))?;
    answer.is(5, &["NO_ENCODER", "install ffmpeg"])?;
    talk.nothing_left("out.mp4")
}

#[test]
fn an_encoder_that_always_fails_is_heard() -> Result<()> {
    let mut talk = Talk::new("machine-encoder-fails")?;
    talk.put(Clip::Tiny(3), "film.mp4")?;
    talk.wrap_tool(
        "ffmpeg",
        "case \"$*\" in *libx264*) echo 'the hamster is tired' >&2; exit 1;; esac\n\
         exec /usr/bin/ffmpeg \"$@\"",
    )?;
    let answer = talk.say(&encode("out.mp4", &[]))?;
    answer.is(4, &["the hamster is tired", "node encoder, element 0"])?;
    talk.nothing_left("out.mp4")
}

#[test]
fn an_encoder_that_needs_more_memory_gets_it() -> Result<()> {
    let mut talk = Talk::new("machine-out-of-memory")?;
    talk.put(Clip::Tiny(3), "film.mp4")?;
    // `tail` keeps a line whole: more than the shape of a small encode, less than the next.
    talk.wrap_tool(
        "ffmpeg",
        "case \"$*\" in *libx264*) head -c 2500000000 /dev/zero | tail -n 1 >/dev/null || exit 1;; esac\n\
         exec /usr/bin/ffmpeg \"$@\"",
    )?;
    let answer = talk.say(&encode("out.mp4", &[]))?;
    answer.is(0, &["3 frames", "1 retried"])
}
