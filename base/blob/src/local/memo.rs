//! Memos: small values under keys. A file holds the digest of the value, then the value.

use std::io;
use std::path::PathBuf;

use bytes::Bytes;

use super::{Inner, files};
use crate::{BlobError, Digest};

const MEMO_BYTES: usize = 64 * 1024;
const DIGEST_BYTES: usize = 32;

impl Inner {
    fn memo_path(&self, key: Digest) -> PathBuf {
        files::sharded(&self.root.join(files::MEMOS), key)
    }

    pub(super) fn memo_put(&self, key: Digest, value: &Bytes) -> Result<Bytes, BlobError> {
        if value.len() > MEMO_BYTES {
            return Err(BlobError::MemoTooLarge(value.len()));
        }
        let temporary = self.staging.file();
        files::write_sealed(&temporary, &[&Digest::of(value).to_bytes(), value])?;
        let sound = || matches!(self.memo_get(key), Ok(Some(_)));
        files::keep(&temporary, &self.memo_path(key), sound)?;
        Ok(self.memo_get(key)?.unwrap_or_else(|| value.clone()))
    }

    /// A damaged memo is as good as none: what it stood for can be made again.
    pub(super) fn memo_get(&self, key: Digest) -> Result<Option<Bytes>, BlobError> {
        let path = self.memo_path(key);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(checked(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(files::io("read", &path)(error)),
        }
    }

    pub(super) fn memos(&self, first: u8) -> Result<Vec<Bytes>, BlobError> {
        let folder = self.root.join(files::MEMOS).join(format!("{first:02x}"));
        let mut all = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(files::io("list", &folder))? {
            let path = entry.map_err(files::io("list", &folder))?.path();
            match std::fs::read(&path) {
                Ok(bytes) => all.extend(checked(bytes)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(files::io("read", &path)(error)),
            }
        }
        Ok(all)
    }
}

fn checked(bytes: Vec<u8>) -> Option<Bytes> {
    let bytes = Bytes::from(bytes);
    let (digest, value) = bytes.split_at_checked(DIGEST_BYTES)?;
    (Digest::of(value).to_bytes() == digest).then(|| bytes.slice(DIGEST_BYTES..))
}
