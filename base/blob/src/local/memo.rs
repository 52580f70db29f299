//! Memos: small values under keys. A file holds the digest of the value, then the value; the time
//! of its last change is that of its last touch.

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clock::{Clock, SystemClock, Timestamp};

use super::upkeep::{digest_of, present, touched};
use super::{Inner, files};
use crate::{BlobError, Digest, MEMO_STAYS_YOUNG, Memo};

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
        let path = self.memo_path(key);
        let kept = || Ok(read(&path)?.and_then(|(bytes, _)| checked(bytes)));
        files::keep(&temporary, &path, || matches!(kept(), Ok(Some(_))))?;
        Ok(kept()?.unwrap_or_else(|| value.clone()))
    }

    /// A damaged memo is as good as none: what it stood for can be made again.
    pub(super) fn memo_get(&self, key: Digest) -> Result<Option<Bytes>, BlobError> {
        let path = self.memo_path(key);
        let Some((bytes, metadata)) = read(&path)? else {
            return Ok(None);
        };
        let Some(value) = checked(bytes) else {
            return Ok(None);
        };
        let stays = is_young(&metadata) || make_young(&path)?;
        Ok(stays.then_some(value))
    }

    pub(super) fn memos(&self, first: u8) -> Result<Vec<Memo>, BlobError> {
        let folder = self.root.join(files::MEMOS).join(format!("{first:02x}"));
        let mut all = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(files::io("list", &folder))? {
            let path = entry.map_err(files::io("list", &folder))?.path();
            if let Some(key) = digest_of(first, &path) {
                all.extend(memo(key, &path)?);
            }
        }
        Ok(all)
    }

    pub(super) fn memo_forget(&self, key: Digest, since: Timestamp) -> Result<bool, BlobError> {
        let path = self.memo_path(key);
        let _alone = files::Names::go(&path)?;
        let metadata = present(path.symlink_metadata()).map_err(files::io("look for", &path))?;
        let goes = metadata.is_some_and(|file| touched(&file).is_some_and(|then| then < since));
        if goes {
            files::remove_if_there(&path)?;
        }
        Ok(goes)
    }
}

fn is_young(metadata: &Metadata) -> bool {
    let age = touched(metadata).map(|touched| SystemClock.now().since(touched));
    age.is_some_and(|age| age < MEMO_STAYS_YOUNG)
}

/// Whether it is still there.
fn make_young(path: &Path) -> Result<bool, BlobError> {
    let _staying = files::Names::stay(path)?;
    let there = present(path.symlink_metadata()).map_err(files::io("look for", path))?;
    match there {
        Some(_) => files::touch(path).map(|()| true),
        None => Ok(false),
    }
}

/// The file of a memo, if it is there.
fn read(path: &Path) -> Result<Option<(Vec<u8>, Metadata)>, BlobError> {
    let Some(mut file) = present(File::open(path)).map_err(files::io("open", path))? else {
        return Ok(None);
    };
    let metadata = file.metadata().map_err(files::io("look at", path))?;
    let mut bytes = Vec::new();
    let whole = file.read_to_end(&mut bytes);
    whole.map_err(files::io("read", path))?;
    Ok(Some((bytes, metadata)))
}

fn memo(key: Digest, path: &Path) -> Result<Option<Memo>, BlobError> {
    let whole = |(bytes, metadata)| {
        Some(Memo {
            key,
            value: checked(bytes).unwrap_or_default(),
            touched: touched(&metadata)?,
        })
    };
    Ok(read(path)?.and_then(whole))
}

fn checked(bytes: Vec<u8>) -> Option<Bytes> {
    let bytes = Bytes::from(bytes);
    let (digest, value) = bytes.split_at_checked(DIGEST_BYTES)?;
    (Digest::of(value).to_bytes() == digest).then(|| bytes.slice(DIGEST_BYTES..))
}
