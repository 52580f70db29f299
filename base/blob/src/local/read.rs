use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use bytes::Bytes;

use super::{Inner, files, publish};
use crate::{BlobError, BlobRef, Digest};

impl Inner {
    pub(super) fn contains(&self, blob: &BlobRef) -> Result<bool, BlobError> {
        let path = self.blob_path(blob.digest);
        match path.symlink_metadata() {
            Ok(metadata) => Ok(metadata.is_file() && metadata.len() == blob.size),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(files::io("look for", &path)(error)),
        }
    }

    pub(super) fn get(&self, blob: &BlobRef, limit: u64) -> Result<Bytes, BlobError> {
        if blob.size > limit {
            return Err(BlobError::TooLarge {
                digest: blob.digest,
                size: blob.size,
                limit,
            });
        }
        let file = self.open_whole(blob)?;
        let mut bytes = Vec::new();
        let path = self.blob_path(blob.digest);
        file.take(blob.size.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(files::io("read", &path))?;
        expect(blob, Digest::of(&bytes), bytes.len() as u64)?;
        Ok(bytes.into())
    }

    /// The blob's own file; hashed when this process meets it for the first time.
    pub(super) fn verified_path(&self, blob: &BlobRef) -> Result<PathBuf, BlobError> {
        let path = self.blob_path(blob.digest);
        let mut file = self.open_whole(blob)?;
        if !self.is_verified(blob.digest) {
            let (digest, size) = publish::pump(&mut file, &path, &mut io::sink())?;
            expect(blob, digest, size)?;
            self.set_verified(blob.digest);
        }
        Ok(path)
    }

    fn open_whole(&self, blob: &BlobRef) -> Result<File, BlobError> {
        let path = self.blob_path(blob.digest);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BlobError::NotFound(blob.digest));
            }
            file => file.map_err(files::io("open", &path))?,
        };
        let size = file.metadata().map_err(files::io("read", &path))?.len();
        expect(blob, blob.digest, size)?;
        Ok(file)
    }
}

fn expect(blob: &BlobRef, digest: Digest, size: u64) -> Result<(), BlobError> {
    let problem = if size != blob.size {
        format!("it is {size} bytes, not {}", blob.size)
    } else if digest != blob.digest {
        format!("its bytes hash to {digest}")
    } else {
        return Ok(());
    };
    Err(BlobError::Corrupt {
        digest: blob.digest,
        problem,
    })
}
