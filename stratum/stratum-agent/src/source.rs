//! Sources: files of the host that are read and never changed (seam S7).

use std::fs;
use std::path::PathBuf;

use blob::FileUri;
use errors::Error;
use stratum::{Source, SourceIdentity};

/// The path of a source that is there, is what it was, and may be read.
pub(crate) fn open(source: &Source, roots: Option<&[PathBuf]>) -> Result<PathBuf, Error> {
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

/// Fails when the source is not what it was when the request was accepted.
pub(crate) fn unchanged(source: &Source) -> Result<(), Error> {
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
    use std::path::Path;

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
        assert_eq!(open(&source, None).unwrap(), path.canonicalize().unwrap());
        fs::write(&path, "other").unwrap();
        assert_eq!(code(open(&source, None)), "SOURCE_CHANGED");
        fs::remove_file(&path).unwrap();
        assert_eq!(code(open(&source, None)), "SOURCE_NOT_FOUND");
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
        assert!(open(&source(&root.join("in")), Some(&roots)).is_ok());
        let refused = open(&source(&root.join("link")), Some(&roots));
        assert_eq!(code(refused), "SOURCE_NOT_ALLOWED");
    }

    #[test]
    fn other_schemes_are_refused() {
        for uri in ["http://host/in.mp4", "file://relative", "/plain"] {
            let source = Source {
                uri: uri.into(),
                identity: SourceIdentity::default(),
            };
            assert_eq!(code(open(&source, None)), "SOURCE_SCHEME", "{uri}");
        }
    }
}
