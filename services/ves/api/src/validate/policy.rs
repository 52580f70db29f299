use std::path::{Path, PathBuf};

use blob::FileUri;
use errors::Error;

/// Where files may be read and written; nowhere by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Absolute folders below which sources may lie.
    pub source_roots: Vec<PathBuf>,
    /// Absolute folders below which results may be put.
    pub output_roots: Vec<PathBuf>,
}

/// A file below an allowed folder. It is opened beneath that folder, never by its
/// whole path, so that no link leads out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The allowed folder.
    pub root: PathBuf,
    /// Names below it; at least one.
    pub beneath: PathBuf,
}

impl Place {
    /// The whole path.
    pub fn path(&self) -> PathBuf {
        self.root.join(&self.beneath)
    }
}

impl Policy {
    /// Where a source is; refused outside the source roots.
    pub(crate) fn source(&self, uri: FileUri) -> Result<Place, Error> {
        place(uri, &self.source_roots, "source")
    }

    /// Where an output goes; refused outside the output roots.
    pub(crate) fn output(&self, uri: FileUri) -> Result<Place, Error> {
        place(uri, &self.output_roots, "output")
    }
}

/// The innermost root that holds the file.
fn place(uri: FileUri, roots: &[PathBuf], what: &str) -> Result<Place, Error> {
    let below = |root: &&PathBuf| beneath(uri.path(), root).is_some();
    let root = roots
        .iter()
        .filter(below)
        .max_by_key(|root| root.components().count());
    let root = root.ok_or_else(|| outside(roots, what))?;
    let beneath = beneath(uri.path(), root).ok_or_else(|| outside(roots, what))?;
    Ok(Place {
        root: root.clone(),
        beneath,
    })
}

fn beneath(path: &Path, root: &Path) -> Option<PathBuf> {
    let beneath = path.strip_prefix(root).ok()?;
    (!beneath.as_os_str().is_empty()).then(|| beneath.to_owned())
}

fn outside(roots: &[PathBuf], what: &str) -> Error {
    let error = Error::user(
        "OUTSIDE_ROOTS",
        format!("no {what} root of this service holds the file"),
    );
    match roots {
        [] => error.hint(format!(
            "add a {what} root to the service's configuration; there is none"
        )),
        roots => {
            let roots: Vec<_> = roots
                .iter()
                .map(|root| root.display().to_string())
                .collect();
            error.hint(format!("use a file below {}", roots.join(" or ")))
        }
    }
}
