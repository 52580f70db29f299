//! What is there, how old it is, and its end.
//!
//! The time of a file's last change is the time of its last touch. Whoever touches a file and
//! whoever removes one exclude each other, by a lock on the directory: what has just been found
//! old enough to go cannot be touched before it is gone.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;
use clock::Timestamp;

use super::{Inner, files};
use crate::{BlobError, BlobRef, Digest, Kept};

impl Inner {
    pub(super) fn touch(&self, blob: &BlobRef) -> Result<bool, BlobError> {
        let path = self.blob_path(blob.digest);
        let staying = files::Names::stay(&path)?;
        if !self.contains(blob)? {
            return Ok(false);
        }
        files::touch(&path)?;
        drop(staying);
        // The one who put it may not have synced its name yet.
        path.parent().map_or(Ok(()), files::sync_dir)?;
        Ok(true)
    }

    pub(super) fn look(&self, digest: Digest) -> Result<Option<Kept>, BlobError> {
        let path = self.blob_path(digest);
        let metadata = present(path.symlink_metadata());
        let metadata = metadata.map_err(files::io("look for", &path))?;
        Ok(metadata.and_then(|metadata| kept(digest, &metadata)))
    }

    pub(super) fn list(&self, first: u8) -> Result<Vec<Kept>, BlobError> {
        let folder = self.root.join(files::BLOBS).join(format!("{first:02x}"));
        let mut all = Vec::new();
        for entry in fs::read_dir(&folder).map_err(files::io("list", &folder))? {
            let entry = entry.map_err(files::io("list", &folder))?;
            let Some(digest) = digest_of(first, &entry.path()) else {
                continue;
            };
            // It may have gone since it was listed.
            let metadata = present(entry.metadata()).map_err(files::io("look at", &folder))?;
            all.extend(metadata.and_then(|metadata| kept(digest, &metadata)));
        }
        Ok(all)
    }

    pub(super) fn peek(&self, digest: Digest, limit: u64) -> Result<Bytes, BlobError> {
        let path = self.blob_path(digest);
        let file = present(File::open(&path)).map_err(files::io("open", &path))?;
        let mut bytes = Vec::new();
        file.ok_or(BlobError::NotFound(digest))?
            .take(limit)
            .read_to_end(&mut bytes)
            .map_err(files::io("read", &path))?;
        Ok(bytes.into())
    }

    pub(super) fn remove_untouched(
        &self,
        digest: Digest,
        since: Timestamp,
    ) -> Result<bool, BlobError> {
        let path = self.blob_path(digest);
        let _alone = files::Names::go(&path)?;
        let goes = self.look(digest)?.is_some_and(|kept| kept.touched < since);
        if goes {
            files::remove_if_there(&path)?;
            self.forget_verified(digest);
        }
        Ok(goes)
    }
}

/// The digest that is the name of a file; other files are not the store's.
pub(super) fn digest_of(first: u8, path: &Path) -> Option<Digest> {
    let rest = path.file_name()?.to_str()?;
    format!("sha256/{first:02x}{rest}").parse().ok()
}

fn kept(digest: Digest, metadata: &Metadata) -> Option<Kept> {
    let touched = touched(metadata)?;
    metadata.is_file().then_some(Kept {
        digest,
        size: metadata.len(),
        touched,
    })
}

/// When the file was last put or touched.
pub(super) fn touched(metadata: &Metadata) -> Option<Timestamp> {
    let modified = metadata.modified().ok()?;
    let since_epoch = modified.duration_since(std::time::UNIX_EPOCH);
    let ms = since_epoch.map_or(0, |since| since.as_millis());
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    Some(Timestamp::from_unix_ms(ms))
}

/// What is not there is no failure.
pub(super) fn present<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}
