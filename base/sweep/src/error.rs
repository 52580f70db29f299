use std::io;

use blob::BlobError;
use store::StoreError;

/// Why a pass was given up. Nothing is lost by that.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    #[error("what refers to blobs cannot be read: {0}")]
    Store(#[from] StoreError),
    #[error("the blobs cannot be looked through: {0}")]
    Blob(#[from] BlobError),
    #[error("the marks cannot be kept: {0}")]
    Marks(#[from] io::Error),
}
