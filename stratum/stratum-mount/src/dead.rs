//! Mounts whose process was killed: they answer "not connected" to everything until somebody
//! removes them.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::io::Errno;
use rustix::mount::{UnmountFlags, unmount};
use tracing::warn;

/// What is mounted, as the kernel lists it.
pub(crate) const NAME: &str = "cosmos-frames";
const MOUNTS: &str = "/proc/self/mounts";

/// Removes every mount of frames whose process is gone; how many there were. Those that are served
/// are left alone, whoever serves them.
///
/// # Errors
/// When mounts cannot be listed, or a dead one not be removed.
pub fn remove_dead() -> io::Result<usize> {
    let mounts = fs::read(MOUNTS)?;
    let mounts = mounts.split(|byte| *byte == b'\n');
    let dead: Vec<PathBuf> = mounts
        .filter_map(of_frames)
        .filter(|at| is_dead(at))
        .collect();
    dead.iter().try_for_each(|at| remove(at))?;
    Ok(dead.len())
}

/// Removes the mount at `at` if it is dead; an error if there is nothing to mount on.
pub(crate) fn clear(at: &Path) -> io::Result<()> {
    match is_dead(at) {
        true => remove(at),
        false => fs::metadata(at).map(drop),
    }
}

fn is_dead(at: &Path) -> bool {
    let not_connected = Some(Errno::NOTCONN.raw_os_error());
    fs::metadata(at).is_err_and(|error| error.raw_os_error() == not_connected)
}

fn remove(at: &Path) -> io::Result<()> {
    warn!(?at, "removing the mount of a process that was killed");
    match unmount(at, UnmountFlags::DETACH) {
        // Only the program that mounted it for this user may.
        Err(Errno::PERM) => remove_as_user(at),
        unmounted => Ok(unmounted?),
    }
}

fn remove_as_user(at: &Path) -> io::Result<()> {
    let status = Command::new("fusermount3")
        .args(["-u", "-z", "--"])
        .arg(at)
        .status()?;
    match status.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!(
            "fusermount3 cannot unmount {at:?}"
        ))),
    }
}

/// Where a mount of ours is, of a line of the kernel's list.
fn of_frames(line: &[u8]) -> Option<PathBuf> {
    let mut fields = line.split(|byte| *byte == b' ');
    let is_ours = fields.next()? == NAME.as_bytes();
    let at = fields.next()?;
    (is_ours && fields.next()?.starts_with(b"fuse"))
        .then(|| OsString::from_vec(unescaped(at)).into())
}

/// Blanks, tabs, newlines and backslashes are told as a backslash and three octal digits.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let (mut plain, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some((first, after)) = rest.split_first() {
        let code = octal(rest);
        plain.push(code.unwrap_or(*first));
        rest = if code.is_some() { &rest[4..] } else { after };
    }
    plain
}

fn octal(text: &[u8]) -> Option<u8> {
    let digits = text.strip_prefix(b"\\")?.get(..3)?;
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mounts_of_frames_are_ours() {
        for (line, expected) in [
            ("cosmos-frames /a/b fuse ro,nosuid 0 0", Some("/a/b")),
            (
                r"cosmos-frames /a\040b\134c\011 fuse.frames ro 0 0",
                Some("/a b\\c\t"),
            ),
            (r"cosmos-frames /a\04 fuse ro 0 0", Some(r"/a\04")),
            ("sshfs /a fuse.sshfs rw 0 0", None),
            ("cosmos-frames /a tmpfs rw 0 0", None),
            ("proc /proc proc rw 0 0", None),
            ("", None),
        ] {
            assert_eq!(
                of_frames(line.as_bytes()),
                expected.map(PathBuf::from),
                "{line}"
            );
        }
    }
}
