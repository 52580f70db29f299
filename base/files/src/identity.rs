use errors::Error;
use proto::stratum::v1::SourceIdentity;
use rustix::fs::{FileType, Stat, fstat};
use rustix::io::Errno;

use crate::{Place, open};

/// What tells a file from one that was changed (seam S7).
///
/// # Errors
/// When it cannot be read, is no regular file, or is empty; the codes begin with `SOURCE_`. The
/// error names no field.
pub fn identify(place: &Place) -> Result<SourceIdentity, Error> {
    let file = open(place).map_err(|error| unopened(place, error))?;
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

fn identity(stat: &Stat) -> SourceIdentity {
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
        error => Error::platform("SOURCE_NOT_OPENED", format!("{}: {error}", shown(place))),
    }
}

fn refused(place: &Place, code: &str, problem: &str, hint: &str) -> Error {
    Error::user(code, format!("{} {problem}", shown(place))).hint(hint)
}

fn shown(place: &Place) -> String {
    place.path().to_string_lossy().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_told_from_one_that_was_changed() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| Place {
            root: folder.path().to_owned(),
            beneath: name.into(),
        };
        fs::write(folder.path().join("a"), "one").unwrap();
        let before = identify(&place("a")).unwrap();
        assert_eq!(
            (before.size, identify(&place("a")).unwrap()),
            (3, before.clone())
        );
        fs::write(folder.path().join("a"), "other").unwrap();
        assert_ne!(identify(&place("a")).unwrap(), before);
    }

    #[test]
    fn what_cannot_be_a_video_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir_all(root.join("folder")).unwrap();
        fs::write(folder.path().join("secret"), "x").unwrap();
        fs::write(root.join("empty"), "").unwrap();
        symlink("../secret", root.join("link")).unwrap();
        for (name, code) in [
            ("none", "SOURCE_MISSING"),
            ("empty", "SOURCE_EMPTY"),
            ("folder", "SOURCE_NOT_A_FILE"),
            ("link", "SOURCE_OUTSIDE_ROOT"),
        ] {
            let place = Place {
                root: root.clone(),
                beneath: name.into(),
            };
            assert_eq!(identify(&place).unwrap_err().code, code, "{name}");
        }
    }
}
