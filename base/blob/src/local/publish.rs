use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::{Inner, files};
use crate::digest::Hasher;
use crate::{BlobError, BlobRef, Digest, StagedFile};

/// Bytes hashed or copied at a time.
const BUFFER: usize = 1 << 20;

impl Inner {
    pub(super) fn put(&self, bytes: &[u8], content_type: &str) -> Result<BlobRef, BlobError> {
        let blob = self.reference(Digest::of(bytes), bytes.len() as u64, content_type);
        if self.touch(&blob)? {
            return Ok(blob);
        }
        let temporary = self.staging.file();
        files::write_sealed(&temporary, &[bytes])?;
        self.keep(&temporary, blob)
    }

    pub(super) fn publish(&self, staged: &StagedFile) -> Result<BlobRef, BlobError> {
        let path = self.staging.inside(&staged.path)?;
        let mut file = open_regular(&path)?;
        if !is_ours_alone(&file, &path)? {
            return self.publish_copy(&mut file, &path, &staged.content_type);
        }
        let (digest, size) = pump(&mut file, &path, &mut std::io::sink())?;
        files::seal(&file, &path)?;
        self.keep(&path, self.reference(digest, size, &staged.content_type))
    }

    /// For a file that has other names or another owner: what others can reach
    /// must not become the blob.
    fn publish_copy(
        &self,
        file: &mut File,
        path: &Path,
        content_type: &str,
    ) -> Result<BlobRef, BlobError> {
        let temporary = self.staging.file();
        let mut copy = files::create_new(&temporary)?;
        let (digest, size) = pump(file, path, &mut copy)?;
        files::seal(&copy, &temporary)?;
        std::fs::remove_file(path).map_err(files::io("remove", path))?;
        self.keep(&temporary, self.reference(digest, size, content_type))
    }

    fn keep(&self, sealed: &Path, blob: BlobRef) -> Result<BlobRef, BlobError> {
        let sound = || self.contains(&blob).unwrap_or(false);
        files::keep(sealed, &self.blob_path(blob.digest), sound)?;
        Ok(blob)
    }
}

/// A producer may be hostile: no links, no devices, no pipes.
fn open_regular(path: &Path) -> Result<File, BlobError> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags.bits().cast_signed());
    let file = options.open(path).map_err(files::io("open", path))?;
    let metadata = file.metadata().map_err(files::io("read", path))?;
    if metadata.is_file() {
        return Ok(file);
    }
    Err(BlobError::NotPublishable {
        path: path.to_owned(),
        problem: "it is not a regular file",
    })
}

/// Whether the file has one name, and is owned by this process's user or could be given to it.
fn is_ours_alone(file: &File, path: &Path) -> Result<bool, BlobError> {
    let metadata = file.metadata().map_err(files::io("read", path))?;
    let me = rustix::process::geteuid();
    let mine = metadata.uid() == me.as_raw()
        || rustix::fs::fchown(file, Some(me), Some(rustix::process::getegid())).is_ok();
    Ok(mine && metadata.nlink() == 1)
}

/// Copies all of `from` and says what it was.
pub(super) fn pump(
    from: &mut File,
    path: &Path,
    to: &mut impl Write,
) -> Result<(Digest, u64), BlobError> {
    let mut buffer = vec![0; BUFFER];
    let (mut hash, mut size) = (Hasher::default(), 0);
    loop {
        let count = match from.read(&mut buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            count => count.map_err(files::io("read", path))?,
        };
        if count == 0 {
            return Ok((hash.finish(), size));
        }
        hash.update(&buffer[..count]);
        to.write_all(&buffer[..count])
            .map_err(files::io("copy", path))?;
        size += count as u64;
    }
}
