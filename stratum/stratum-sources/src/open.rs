//! An object with a path.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use errors::Error;
use sources::{Pinned, Remote};
use stratum_mount::{Answer, Entry, Mount, MountError, Shown, Span};

use crate::Reader;
use crate::limits::REQUEST;

/// An object that has a path until it is dropped.
#[derive(Debug)]
pub struct OpenSource {
    reader: Arc<Reader>,
    uri: String,
    /// Everything of it.
    folder: PathBuf,
    path: PathBuf,
    mount: Option<Mount>,
}

impl OpenSource {
    /// In the folder `folder`, which is its own and goes with it: mounted, or where that is not
    /// possible, copied. At most `memory` bytes are held for it.
    ///
    /// # Errors
    /// When it can be neither mounted nor copied.
    pub async fn open(
        remote: Remote,
        pinned: Pinned,
        folder: PathBuf,
        memory: u64,
    ) -> Result<Self, Error> {
        let reader = Arc::new(Reader::new(remote, pinned.clone(), memory));
        match Self::mounted(&reader, &pinned, &folder).await {
            Ok(opened) => Ok(opened),
            Err(error) => {
                tracing::warn!(%error, source = pinned.object().uri(), "a source is copied");
                Self::copied(reader, &pinned, folder).await
            }
        }
    }

    async fn mounted(
        reader: &Arc<Reader>,
        pinned: &Pinned,
        folder: &Path,
    ) -> Result<Self, MountError> {
        let at = folder.to_owned();
        let entry = Entry {
            name: name(pinned).into(),
            span: Span {
                offset: 0,
                length: pinned.size(),
            },
        };
        let shown = Arc::new(Behind(reader.clone()));
        let mounting = move || Mount::of(&at, shown, vec![entry], SystemTime::UNIX_EPOCH);
        let mounted = tokio::task::spawn_blocking(mounting).await;
        let mounted = mounted.unwrap_or_else(|lost| {
            Err(MountError {
                at: folder.to_owned(),
                source: io::Error::other(lost),
            })
        });
        let folder = folder.to_owned();
        Ok(Self::at(reader.clone(), pinned, folder, Some(mounted?)))
    }

    /// The same as a copy.
    ///
    /// # Errors
    /// When it cannot be read, or not be written.
    pub async fn copied(
        reader: Arc<Reader>,
        pinned: &Pinned,
        folder: PathBuf,
    ) -> Result<Self, Error> {
        let opened = Self::at(reader, pinned, folder, None);
        let mut file = fs::File::create_new(&opened.path).map_err(|error| unwritable(&error))?;
        let (mut at, size) = (0, pinned.size());
        while at < size {
            let part = opened.reader.read(at..at + REQUEST).await;
            let part = part.map_err(|fault| fault.error(&opened.uri))?;
            at += part.len() as u64;
            let write = move || file.write_all(&part).map(|()| file);
            let written = tokio::task::spawn_blocking(write).await;
            file = written
                .map_err(io::Error::other)
                .and_then(|written| written)
                .map_err(|error| unwritable(&error))?;
        }
        Ok(opened)
    }

    fn at(reader: Arc<Reader>, pinned: &Pinned, folder: PathBuf, mount: Option<Mount>) -> Self {
        Self {
            reader,
            uri: pinned.object().uri().to_owned(),
            path: folder.join(name(pinned)),
            folder,
            mount,
        }
    }

    /// Where it is read.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Fails when it is not what it was, or reads of the path have failed.
    ///
    /// # Errors
    /// Why; the code is the same as that of [`OpenSource::failure`].
    pub async fn unchanged(&self) -> Result<(), Error> {
        let checked = self.reader.check().await;
        checked.map_err(|fault| fault.error(&self.uri))
    }

    /// Why reads of the path fail, once they do.
    #[must_use]
    pub fn failure(&self) -> Option<Error> {
        self.reader.failure().map(|fault| fault.error(&self.uri))
    }
}

impl Drop for OpenSource {
    fn drop(&mut self) {
        // What is below a mount is not ours to remove.
        drop(self.mount.take());
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(%error, folder = ?self.folder, "the folder of a source was left behind");
        }
    }
}

/// Some programs go by how a file's name ends.
fn name(pinned: &Pinned) -> String {
    let extension = pinned.object().extension();
    extension.map_or("source".into(), |extension| format!("source.{extension}"))
}

fn unwritable(error: &io::Error) -> Error {
    Error::platform(
        "STAGING_FAILED",
        format!("a source cannot be copied: {error}"),
    )
}

struct Behind(Arc<Reader>);

impl Shown for Behind {
    fn read(&self, span: Span, answer: Answer) {
        let range = span.offset..span.offset + span.length;
        if let Some(bytes) = self.0.read_at_once(range.clone()) {
            return answer(Ok(bytes));
        }
        let reader = self.0.clone();
        let later = async move { answer(reader.read(range).await.map_err(io::Error::other)) };
        self.0.runtime().spawn(later);
    }
}
