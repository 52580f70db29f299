use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use blob::{BlobRef, Digest, Hasher};
use errors::Error;
use files::Place;
use proto::stratum::v1::SourceIdentity;
use rustix::fs::{
    AtFlags, Mode, OFlags, RenameFlags, fsync, linkat, openat, renameat, renameat_with, unlinkat,
};
use rustix::io::Errno;

use super::target::{check_existing, existing, exists, failed, open_folder, unopened};
use crate::validate::Target;

/// A finished video on its way to where the request wants it.
#[derive(Debug)]
pub(crate) struct Publication {
    /// The file that holds the blob, read-only.
    pub(crate) file: PathBuf,
    pub(crate) blob: BlobRef,
    pub(crate) target: Target,
    /// The source as it is now, if it still is.
    pub(crate) source: Option<SourceIdentity>,
    /// Of the request; names what is not finished.
    pub(crate) id: String,
}

/// Bytes copied at a time.
const BUFFER: usize = 1 << 20;

/// Copies the video under a temporary name and gives it its final name when every byte
/// of it is on stable storage and has been checked. Doing it twice is doing it once.
///
/// It is a copy, not a link: whoever edits the file must not reach the blob store.
pub(crate) fn publish(publication: &Publication) -> Result<(), Error> {
    let place = &publication.target.place;
    let (folder, name) = open_folder(place)?;
    if is_there(publication, &folder, &name)? {
        return Ok(());
    }
    let draft = Draft::create(publication, &folder)?;
    draft.fill(publication)?;
    draft.give_name(publication, &name)?;
    fsync(&folder).map_err(|error| failed(place, error))
}

/// Whether an earlier try got as far as the final name; refused when something else has it.
fn is_there(publication: &Publication, folder: &OwnedFd, name: &OsStr) -> Result<bool, Error> {
    let Publication {
        target,
        blob,
        source,
        ..
    } = publication;
    let stat = existing(folder, name).map_err(|error| unopened(&target.place, error))?;
    let Some(stat) = stat else {
        return Ok(false);
    };
    if u64::try_from(stat.st_size) == Ok(blob.size) && holds(folder, name, blob.digest) {
        return Ok(true);
    }
    check_existing(target, &stat, source.as_ref()).map(|()| false)
}

fn holds(folder: &OwnedFd, name: &OsStr, digest: Digest) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = openat(folder, name, flags, Mode::empty()) else {
        return false;
    };
    copy(&mut File::from(file), &mut std::io::sink()).is_ok_and(|found| found == digest)
}

/// Copies to the end; the digest of what was copied.
fn copy(from: &mut impl Read, to: &mut impl Write) -> std::io::Result<Digest> {
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; BUFFER];
    loop {
        let length = from.read(&mut buffer)?;
        if length == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(&buffer[..length]);
        to.write_all(&buffer[..length])?;
    }
}

/// A file under a temporary name, removed unless it got its final one.
struct Draft<'a> {
    folder: &'a OwnedFd,
    name: String,
}

impl<'a> Draft<'a> {
    fn create(publication: &Publication, folder: &'a OwnedFd) -> Result<Self, Error> {
        let prefix = format!(".{}.", publication.id);
        remove_leftovers(folder, &prefix);
        let name = format!("{prefix}{}.partial", ids::time_ordered());
        Ok(Self { folder, name })
    }

    fn fill(&self, publication: &Publication) -> Result<(), Error> {
        let place = &publication.target.place;
        let mut blob = File::open(&publication.file).map_err(|error| failed(place, error))?;
        let mut file = self.open().map_err(|error| unopened(place, error))?;
        let digest = copy(&mut blob, &mut file).map_err(|error| failed(place, error))?;
        if digest != publication.blob.digest {
            return Err(damaged(&publication.blob, digest));
        }
        file.sync_all().map_err(|error| failed(place, error))
    }

    fn open(&self) -> Result<File, Errno> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o666);
        openat(self.folder, &self.name, flags, mode).map(File::from)
    }

    fn give_name(&self, publication: &Publication, name: &OsStr) -> Result<(), Error> {
        let place = &publication.target.place;
        let named = match publication.target.overwrite {
            true => self.replace(name),
            false => self.name_anew(name),
        };
        named.map_err(|error| unnamed(place, error))
    }

    fn replace(&self, name: &OsStr) -> Result<(), Errno> {
        renameat(self.folder, &self.name, self.folder, name)
    }

    /// Where the file system cannot rename without replacing, a link can.
    fn name_anew(&self, name: &OsStr) -> Result<(), Errno> {
        let flags = RenameFlags::NOREPLACE;
        match renameat_with(self.folder, &self.name, self.folder, name, flags) {
            Err(Errno::INVAL | Errno::NOSYS) => {
                linkat(self.folder, &self.name, self.folder, name, AtFlags::empty())
            }
            other => other,
        }
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        // It is gone already when it was renamed.
        let _ = unlinkat(self.folder, &self.name, AtFlags::empty());
    }
}

/// Removes what earlier tries at the same request left behind.
fn remove_leftovers(folder: &OwnedFd, prefix: &str) {
    let Ok(entries) = rustix::fs::Dir::read_from(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name.to_bytes().starts_with(prefix.as_bytes()) && name.to_bytes().ends_with(b".partial")
        {
            let _ = unlinkat(folder, name, AtFlags::empty());
        }
    }
}

fn unnamed(place: &Place, error: Errno) -> Error {
    match error {
        Errno::EXIST => exists(place),
        error => unopened(place, error),
    }
}

fn damaged(blob: &BlobRef, found: Digest) -> Error {
    Error::platform(
        "BLOB_DAMAGED",
        format!(
            "the result should hash to {} and hashes to {found}",
            blob.digest
        ),
    )
    .hint("check the disk that holds the blob store")
}
