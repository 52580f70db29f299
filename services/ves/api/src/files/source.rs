use errors::Error;
use proto::stratum::v1::SourceIdentity;
use rustix::fs::{FileType, Stat, fstat};
use rustix::io::Errno;

use super::beneath;
use crate::validate::Place;

const FIELD: &str = "video_source.uri";

/// What tells a source from one that was changed (seam S7); refused when it cannot be read.
pub(crate) fn identify(place: &Place) -> Result<SourceIdentity, Error> {
    let file = beneath::open(place).map_err(|error| unopened(place, error))?;
    let stat = fstat(&file).map_err(|error| unopened(place, error))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(refused(
            place,
            "SOURCE_NOT_A_FILE",
            "is not a regular file",
            "name a video file",
        ));
    }
    if stat.st_size == 0 {
        return Err(refused(
            place,
            "SOURCE_EMPTY",
            "is empty",
            "name a file that was written to its end",
        ));
    }
    Ok(identity(&stat))
}

pub(super) fn identity(stat: &Stat) -> SourceIdentity {
    SourceIdentity {
        size: u64::try_from(stat.st_size).unwrap_or_default(),
        device: stat.st_dev,
        inode: stat.st_ino,
        mtime_ns: nanoseconds(stat.st_mtime, stat.st_mtime_nsec),
        ctime_ns: nanoseconds(stat.st_ctime, stat.st_ctime_nsec),
        ..Default::default()
    }
}

fn nanoseconds(seconds: i64, nanoseconds: impl TryInto<i64>) -> i64 {
    let nanoseconds = nanoseconds.try_into().unwrap_or_default();
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds)
}

fn unopened(place: &Place, error: Errno) -> Error {
    match error {
        Errno::NOENT | Errno::NOTDIR => refused(
            place,
            "SOURCE_MISSING",
            "does not exist",
            "name a file that exists",
        ),
        Errno::ACCESS | Errno::PERM => refused(
            place,
            "SOURCE_NOT_READABLE",
            "may not be read",
            "let the service's user read it",
        ),
        Errno::XDEV | Errno::LOOP => refused(
            place,
            "SOURCE_OUTSIDE_ROOT",
            "leads out of its root",
            "name the file itself, not a link to it",
        ),
        error => {
            Error::platform("SOURCE_NOT_OPENED", format!("{}: {error}", shown(place))).at(FIELD)
        }
    }
}

fn refused(place: &Place, code: &str, problem: &str, hint: &str) -> Error {
    Error::user(code, format!("{} {problem}", shown(place)))
        .at(FIELD)
        .hint(hint)
}

fn shown(place: &Place) -> String {
    place.path().to_string_lossy().escape_debug().to_string()
}
