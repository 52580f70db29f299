//! Sources: files of the host and objects of servers, read and never changed (seam S7).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use blob::FileUri;
use errors::Error;
use sources::Remote;
use stratum::{Source, SourceIdentity};
use stratum_sources::OpenSource;

use crate::context::Context;
use crate::work_dir;

/// A source that can be read at a path.
#[derive(Clone, Debug)]
pub(crate) enum Opened {
    File(Source, PathBuf),
    Object(Arc<OpenSource>),
}

impl Opened {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::File(_, path) => path,
            Self::Object(open) => open.path(),
        }
    }

    /// Fails when the source is not what it was when the request was accepted, or reads of it
    /// have failed.
    pub(crate) async fn unchanged(&self) -> Result<(), Error> {
        match self {
            Self::File(source, _) => unchanged(source),
            Self::Object(open) => open.unchanged().await,
        }
    }
}

/// A source that is there, is what it was, and may be read.
pub(crate) async fn open(context: &Context, source: &Source) -> Result<Opened, Error> {
    if Remote::is_meant(&source.uri) {
        let SourceIdentity { size, etag, .. } = &source.identity;
        let opened = context
            .sources
            .open(&source.uri, (*size, etag), folder(context));
        return opened.await.map(Opened::Object);
    }
    let path = file(source, context.config.source_roots.as_deref())?;
    Ok(Opened::File(source.clone(), path))
}

async fn folder(context: &Context) -> Result<PathBuf, Error> {
    let folder = context.blobs.home().staging("source").await;
    folder.map_err(|error| work_dir::staging(&error))
}

fn file(source: &Source, roots: Option<&[PathBuf]>) -> Result<PathBuf, Error> {
    let path = path(source)?;
    let real = path.canonicalize();
    let real = real.map_err(|error| missing(source, &error))?;
    if roots.is_some_and(|roots| !roots.iter().any(|root| real.starts_with(root))) {
        let message = format!("{} is outside the directories for sources", source.uri);
        return Err(Error::user("SOURCE_NOT_ALLOWED", message));
    }
    unchanged(source)?;
    Ok(real)
}

fn unchanged(source: &Source) -> Result<(), Error> {
    let metadata = fs::metadata(path(source)?);
    let metadata = metadata.map_err(|error| missing(source, &error))?;
    if SourceIdentity::from(&metadata) == source.identity {
        return Ok(());
    }
    let message = format!("{} has changed since the request was accepted", source.uri);
    let hint = "leave a source alone until its request has ended, then ask again";
    Err(Error::source("SOURCE_CHANGED", message).hint(hint))
}

fn path(source: &Source) -> Result<PathBuf, Error> {
    let uri: Result<FileUri, _> = source.uri.parse();
    uri.map(|uri| uri.path().to_owned()).map_err(|problem| {
        let message = format!("cannot read {}: {problem}", source.uri);
        Error::user("SOURCE_SCHEME", message)
    })
}

fn missing(source: &Source, error: &std::io::Error) -> Error {
    let message = format!("cannot read {}: {error}", source.uri);
    Error::source("SOURCE_NOT_FOUND", message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn source(path: &Path) -> Source {
        Source {
            uri: FileUri::of(path).unwrap().to_string(),
            identity: SourceIdentity::from(&fs::metadata(path).unwrap()),
        }
    }

    fn code(result: Result<impl std::fmt::Debug, Error>) -> String {
        result.unwrap_err().code
    }

    #[test]
    fn a_source_is_recognised_until_it_changes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("100 % in.mp4");
        fs::write(&path, "one").unwrap();
        let source = source(&path);
        assert_eq!(file(&source, None).unwrap(), path.canonicalize().unwrap());
        fs::write(&path, "other").unwrap();
        assert_eq!(code(file(&source, None)), "SOURCE_CHANGED");
        fs::remove_file(&path).unwrap();
        assert_eq!(code(file(&source, None)), "SOURCE_NOT_FOUND");
    }

    #[test]
    fn only_roots_are_read_whatever_a_link_says() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap().join("root");
        fs::create_dir(&root).unwrap();
        fs::write(directory.path().join("secret"), "x").unwrap();
        fs::write(root.join("in"), "x").unwrap();
        std::os::unix::fs::symlink(directory.path().join("secret"), root.join("link")).unwrap();
        let roots = [root.clone()];
        assert!(file(&source(&root.join("in")), Some(&roots)).is_ok());
        let refused = file(&source(&root.join("link")), Some(&roots));
        assert_eq!(code(refused), "SOURCE_NOT_ALLOWED");
    }

    #[test]
    fn other_schemes_are_refused() {
        for uri in ["ftp://host/in.mp4", "file://relative", "/plain"] {
            let source = Source {
                uri: uri.into(),
                identity: SourceIdentity::default(),
            };
            assert_eq!(code(file(&source, None)), "SOURCE_SCHEME", "{uri}");
        }
    }
}
