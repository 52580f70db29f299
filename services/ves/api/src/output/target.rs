use std::ffi::OsStr;
use std::os::fd::OwnedFd;

use errors::Error;
use files::Place;
use proto::stratum::v1::SourceIdentity;
use rustix::fs::{Access, AtFlags, FileType, Stat, accessat, statat};
use rustix::io::Errno;

use crate::validate::{Target, output_is_source};

const FIELD: &str = "output.uri";

/// Whether a result could be put there now, without touching the source.
pub(crate) fn check_target(target: &Target, source: Option<&SourceIdentity>) -> Result<(), Error> {
    let (folder, name) = open_folder(&target.place)?;
    accessat(
        &folder,
        ".",
        Access::WRITE_OK | Access::EXEC_OK,
        AtFlags::empty(),
    )
    .map_err(|error| unopened(&target.place, error))?;
    match existing(&folder, &name).map_err(|error| unopened(&target.place, error))? {
        Some(stat) => check_existing(target, &stat, source),
        None => Ok(()),
    }
}

pub(super) fn open_folder(place: &Place) -> Result<(OwnedFd, std::ffi::OsString), Error> {
    files::open_folder(place).map_err(|error| unopened(place, error))
}

/// What already has the name, if anything has; a link itself, not where it leads.
pub(super) fn existing(folder: &OwnedFd, name: &OsStr) -> Result<Option<Stat>, Errno> {
    match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn check_existing(
    target: &Target,
    stat: &Stat,
    source: Option<&SourceIdentity>,
) -> Result<(), Error> {
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        return Err(refused(
            &target.place,
            "OUTPUT_IS_A_FOLDER",
            "is a folder",
            "name a file in it",
        ));
    }
    if source.is_some_and(|source| (source.device, source.inode) == (stat.st_dev, stat.st_ino)) {
        return Err(output_is_source());
    }
    match target.overwrite {
        true => Ok(()),
        false => Err(exists(&target.place)),
    }
}

pub(super) fn exists(place: &Place) -> Error {
    refused(
        place,
        "OUTPUT_EXISTS",
        "exists",
        "choose another name, or set output.overwrite to replace it",
    )
}

pub(super) fn unopened(place: &Place, error: Errno) -> Error {
    match error {
        Errno::NOENT | Errno::NOTDIR => refused(
            place,
            "OUTPUT_FOLDER_MISSING",
            "is in a folder that does not exist",
            "create the folder first",
        ),
        Errno::ACCESS | Errno::PERM | Errno::ROFS => refused(
            place,
            "OUTPUT_NOT_WRITABLE",
            "may not be written",
            "let the service's user write to the folder",
        ),
        Errno::XDEV | Errno::LOOP => refused(
            place,
            "OUTPUT_OUTSIDE_ROOT",
            "leads out of its root",
            "name the folder itself, not a link to it",
        ),
        Errno::NAMETOOLONG => refused(
            place,
            "OUTPUT_NAME_TOO_LONG",
            "has too long a name",
            "shorten the name",
        ),
        error => failed(place, error),
    }
}

/// Something that another try may get past: a full disk, a share that is away.
pub(super) fn failed(place: &Place, error: impl std::fmt::Display) -> Error {
    Error::platform("OUTPUT_NOT_WRITTEN", format!("{}: {error}", shown(place)))
        .at(FIELD)
        .hint("see that the disk is there and has room")
}

fn refused(place: &Place, code: &str, problem: &str, hint: &str) -> Error {
    Error::user(code, format!("{} {problem}", shown(place)))
        .at(FIELD)
        .hint(hint)
}

fn shown(place: &Place) -> String {
    place.path().to_string_lossy().escape_debug().to_string()
}
