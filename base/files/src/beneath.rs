use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

use crate::Place;

/// Opens a place to read, wherever links lead as long as they stay beneath its root.
/// Never waits for the other end of a pipe.
///
/// # Errors
/// What the kernel says; `XDEV` when a link leads out of the root.
pub fn open(place: &Place) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    open_beneath(&root(place)?, &place.beneath, flags)
}

/// Opens the folder that holds a place; also the place's name in it.
///
/// # Errors
/// As [`open`].
pub fn open_folder(place: &Place) -> Result<(OwnedFd, OsString), Errno> {
    let name = place.beneath.file_name().map(OsStr::to_owned);
    let name = name.ok_or(Errno::INVAL)?;
    let root = root(place)?;
    let parent = place.beneath.parent();
    match parent.filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            Ok((open_beneath(&root, parent, flags)?, name))
        }
        None => Ok((root, name)),
    }
}

fn root(place: &Place) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, &place.root, flags, Mode::empty())
}

/// The kernel sees to it that no component, link or mount trick leaves the root; it
/// asks to be called again when a rename came in between.
fn open_beneath(root: &OwnedFd, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    const TRIES: usize = 16;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let mut result = Err(Errno::AGAIN);
    for _ in 0..TRIES {
        result = openat2(root, path, flags, Mode::empty(), resolve);
        if !matches!(result, Err(Errno::AGAIN | Errno::INTR)) {
            break;
        }
    }
    result
}
