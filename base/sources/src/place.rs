use std::path::PathBuf;

use errors::Error;
use files::Roots;
use proto::stratum::v1::SourceIdentity;

use crate::{Object, Remote};

/// What may be named as a source.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    roots: Roots,
    remote: Remote,
}

/// Where a source is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file of this machine.
    File(files::Place),
    /// An object of a server.
    Object(Object),
}

impl Place {
    /// As a URI; empty for a file of a root that is no absolute path.
    #[must_use]
    pub fn uri(&self) -> String {
        match self {
            Self::File(place) => place.uri(),
            Self::Object(object) => object.uri().to_owned(),
        }
    }

    /// The file, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<&files::Place> {
        match self {
            Self::File(place) => Some(place),
            Self::Object(_) => None,
        }
    }
}

impl Sources {
    /// Files below these absolute folders, and what `remote` allows.
    pub fn of(folders: impl IntoIterator<Item = PathBuf>, remote: Remote) -> Self {
        Self {
            roots: Roots::of("source", folders),
            remote,
        }
    }

    /// Where the source of a URI is. Nothing is looked at yet.
    ///
    /// # Errors
    /// Of class `user`, without a field, when it is no URI of a source or not allowed.
    pub fn place(&self, uri: &str) -> Result<Place, Error> {
        match Remote::is_meant(uri) {
            true => self.remote.object(uri).map(Place::Object),
            false => self.roots.place(uri).map(Place::File),
        }
    }

    /// What tells a source from one that was changed (seam S7).
    ///
    /// # Errors
    /// When it cannot be read, or cannot be a source; the codes begin with `SOURCE_`. The error
    /// names no field.
    pub async fn identify(&self, place: &Place) -> Result<SourceIdentity, Error> {
        match place {
            Place::File(place) => {
                let place = place.clone();
                let looked = tokio::task::spawn_blocking(move || files::identify(&place)).await;
                looked.unwrap_or_else(|lost| Err(Error::platform("INTERRUPTED", lost.to_string())))
            }
            Place::Object(object) => match self.remote.pin(object.clone()).await {
                Ok(pinned) => Ok(pinned.identity()),
                Err(fault) => Err(fault.error(object.uri())),
            },
        }
    }
}
