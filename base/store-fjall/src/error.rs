use std::path::Path;

use fjall::Error;
use store::StoreError;

/// An error while the store is being opened.
pub(crate) fn opening(path: &Path, error: Error) -> StoreError {
    match error {
        Error::Io(error) => io("open", path, &error),
        Error::Locked => in_use(path),
        error => StoreError::Corrupt(format!("{}: {error}", path.display()).into()),
    }
}

/// An error while reading.
pub(crate) fn reading(error: Error) -> StoreError {
    match error {
        Error::Io(error) => StoreError::Unavailable(format!("cannot read: {error}").into()),
        error => StoreError::Corrupt(error.to_string().into()),
    }
}

/// An error of a file operation that changed no record.
pub(crate) fn io(what: &str, path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("cannot {what} {}: {error}", path.display()).into())
}

/// Another process has the directory.
pub(crate) fn in_use(path: &Path) -> StoreError {
    let path = path.display();
    StoreError::Unavailable(
        format!("{path} is in use by another process; stop it or choose another directory").into(),
    )
}
