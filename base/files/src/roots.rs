use std::path::{Path, PathBuf};

use blob::{FileUri, NotAFileUri};
use errors::Error;

/// Folders below which files may lie; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roots {
    /// What they are for, as errors name it: "source".
    what: String,
    folders: Vec<PathBuf>,
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

    /// As a URI; empty when the root is no absolute path.
    pub fn uri(&self) -> String {
        FileUri::of(&self.path()).map_or_else(String::new, |uri| uri.to_string())
    }
}

impl Roots {
    /// Absolute folders; `what` is what they are for: "source".
    pub fn of(what: impl Into<String>, folders: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            what: what.into(),
            folders: folders.into_iter().collect(),
        }
    }

    /// Where the file of a URI is. Nothing is looked at yet.
    ///
    /// # Errors
    /// Of class `user`, without a field, when it is no file's URI or lies outside the roots.
    pub fn place(&self, uri: &str) -> Result<Place, Error> {
        let uri: FileUri = uri.parse().map_err(malformed)?;
        self.innermost(uri.path()).ok_or_else(|| self.outside())
    }

    fn innermost(&self, path: &Path) -> Option<Place> {
        let places = self.folders.iter().filter_map(|root| {
            let beneath = path.strip_prefix(root).ok()?;
            let is_below = !beneath.as_os_str().is_empty();
            is_below.then(|| Place {
                root: root.clone(),
                beneath: beneath.to_owned(),
            })
        });
        places.max_by_key(|place| place.root.components().count())
    }

    fn outside(&self) -> Error {
        let what = &self.what;
        let error = Error::user(
            "OUTSIDE_ROOTS",
            format!("no {what} root of this service holds the file"),
        );
        let roots: Vec<_> = self
            .folders
            .iter()
            .map(|root| root.display().to_string())
            .collect();
        error.hint(match roots.is_empty() {
            true => format!("add a {what} root to the service's configuration; there is none"),
            false => format!("use a file below {}", roots.join(" or ")),
        })
    }
}

fn malformed(problem: NotAFileUri) -> Error {
    match problem {
        NotAFileUri::OtherScheme => Error::user(
            "SCHEME_NOT_OFFERED",
            "this version reads and writes files only",
        )
        .hint("write file:///absolute/path"),
        NotAFileUri::Malformed { problem, hint } => {
            Error::user("URI_MALFORMED", problem).hint(hint)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_innermost_root_counts() {
        let roots = Roots::of("source", ["/in".into(), "/in/deep".into()]);
        let place = |uri| roots.place(uri).unwrap();
        assert_eq!(place("file:///in/a.mp4").root, Path::new("/in"));
        let deep = place("file:///in/deep/b%20c.mp4");
        assert_eq!(deep.root, Path::new("/in/deep"));
        assert_eq!(deep.uri(), "file:///in/deep/b%20c.mp4");
    }

    #[test]
    fn what_is_elsewhere_or_no_file_is_refused() {
        let roots = Roots::of("source", ["/in".into()]);
        for (uri, code) in [
            ("file:///out/a.mp4", "OUTSIDE_ROOTS"),
            ("file:///in", "OUTSIDE_ROOTS"),
            ("file:///inner/a.mp4", "OUTSIDE_ROOTS"),
            ("file:///in/../etc/passwd", "URI_MALFORMED"),
            ("/in/a.mp4", "URI_MALFORMED"),
            ("s3://in/a.mp4", "SCHEME_NOT_OFFERED"),
        ] {
            let error = roots.place(uri).unwrap_err();
            assert_eq!(
                (error.code.as_str(), error.hint.is_some()),
                (code, true),
                "{uri}"
            );
        }
        let none = Roots::default().place("file:///in/a.mp4").unwrap_err();
        assert_eq!(none.code, "OUTSIDE_ROOTS");
    }
}
