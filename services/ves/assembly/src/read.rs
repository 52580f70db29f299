//! The bytes of a chunk, some at a time.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use blob::{BlobRef, Blobs};
use errors::Error;
use futures::stream::{self, Stream};

use crate::encodes::of_blob;
use crate::limits::READ_BYTES;

/// All bytes of a blob from `offset` on.
pub(crate) async fn read(
    blobs: &Blobs,
    blob: &BlobRef,
    offset: u64,
) -> Result<impl Stream<Item = Result<Vec<u8>, Error>> + Send + 'static, Error> {
    let mut file = open(blobs, blob).await?;
    file.seek(SeekFrom::Start(offset)).map_err(unread)?;
    Ok(stream::try_unfold(file, async |file| {
        let (file, bytes) = piece(file).await?;
        Ok((!bytes.is_empty()).then_some((bytes, file)))
    }))
}

/// What is open can be read although its copy has been discarded.
async fn open(blobs: &Blobs, blob: &BlobRef) -> Result<File, Error> {
    let store = blobs.store(&blob.store).map_err(of_blob)?;
    let key = format!("assembly-{}", ids::time_ordered());
    let staging = store.staging(&key).await.map_err(of_blob)?;
    let opened = match store.local_path(blob, &staging).await {
        Ok(path) => File::open(path).map_err(unread),
        Err(error) => Err(of_blob(error)),
    };
    if let Err(error) = store.discard(&staging).await {
        tracing::warn!(%error, "a staging folder is left behind");
    }
    opened
}

async fn piece(mut file: File) -> Result<(File, Vec<u8>), Error> {
    let read = move || {
        let mut bytes = Vec::new();
        let read = file
            .by_ref()
            .take(READ_BYTES as u64)
            .read_to_end(&mut bytes);
        read.map(|_| (file, bytes)).map_err(unread)
    };
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|stopped| Err(Error::platform("INTERRUPTED", stopped.to_string())))
}

fn unread(error: std::io::Error) -> Error {
    Error::platform(
        "BLOB_UNREADABLE",
        format!("a chunk cannot be read: {error}"),
    )
}
