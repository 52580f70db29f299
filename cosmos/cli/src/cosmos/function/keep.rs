//! Outputs, kept in a folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use blob::{Blobs, Value};
use errors::Error;

use crate::explain::one_line;

/// Refuses a folder that holds anything.
pub(super) fn empty(folder: &Path) -> Result<(), Error> {
    match fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(
            Error::user("OUTPUT_EXISTS", format!("{} is not empty", shown(folder)))
                .at("--output")
                .hint("name a new folder; nothing is overwritten"),
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(unwritable(folder, &error)),
    }
}

/// Copies every output into `folder`; where each is.
pub(super) async fn keep(
    folder: &Path,
    value: &Value,
    blobs: &Blobs,
    scratch: &Path,
) -> Result<Vec<PathBuf>, Error> {
    fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    let mut kept = Vec::new();
    for named in &value.blobs {
        let lost = |error: blob::BlobError| Error::platform("OUTPUT_LOST", error.to_string());
        let store = blobs.store(&named.blob.store).map_err(lost)?;
        let from = store.local_path(&named.blob, scratch).await.map_err(lost)?;
        let to = folder.join(&named.name);
        copy(&from, &to).map_err(|error| unwritable(&to, &error))?;
        kept.push(to);
    }
    Ok(kept)
}

/// A blob is read-only; the copy is its user's own.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to.parent().unwrap_or(to))?;
    let mut copy = fs::File::create_new(to)?;
    io::copy(&mut fs::File::open(from)?, &mut copy).map(drop)
}

fn unwritable(path: &Path, error: &io::Error) -> Error {
    let message = format!("{} cannot be written: {error}", shown(path));
    Error::user("UNWRITABLE", message).at("--output")
}

fn shown(path: &Path) -> String {
    one_line(&path.display().to_string())
}
