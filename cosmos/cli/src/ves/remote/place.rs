//! Paths of this machine as the server takes them.

use std::path::{Component, Path, PathBuf};

use blob::FileUri;
use errors::Error;

use crate::explain::one_line;
use crate::ves::remote_source;

/// The absolute URI of a path. Links are left to the server: its allowed folders may be links.
pub(super) fn uri(path: &Path, field: &str) -> Result<String, Error> {
    if let Some(uri) = remote_source::is_meant(path) {
        return Ok(uri.to_owned());
    }
    let absolute = std::path::absolute(path).ok().map(|path| plain(&path));
    let uri = absolute.and_then(|path| FileUri::of(&path));
    uri.map(|uri| uri.to_string()).ok_or_else(|| {
        let path = one_line(&path.to_string_lossy());
        Error::user("NOT_A_PATH", format!("{path:?} names no file"))
            .at(field)
            .hint("name a file by its path")
    })
}

/// Without `..`: of what is there by what it really is, else by the words alone.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain = plain.canonicalize().unwrap_or(plain);
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn paths_become_absolute_uris() {
        let here = std::env::current_dir().unwrap();
        let below = FileUri::of(&here.join("a b.mkv")).unwrap().to_string();
        let table = [
            ("/media/in.mkv", "file:///media/in.mkv"),
            ("/no-such/../media/in.mkv", "file:///media/in.mkv"),
            ("a b.mkv", &below),
            ("./a b.mkv", &below),
            ("https://server/in.mkv", "https://server/in.mkv"),
            ("s3://bucket/in.mkv", "s3://bucket/in.mkv"),
        ];
        for (path, expected) in table {
            assert_eq!(uri(Path::new(path), "x").unwrap(), expected, "{path}");
        }
        assert!(uri(Path::new(""), "x").is_err());
    }

    #[test]
    fn a_step_back_from_a_link_leaves_from_where_it_leads() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("real/deep")).unwrap();
        std::os::unix::fs::symlink(root.join("real/deep"), root.join("link")).unwrap();
        assert_eq!(
            plain(&root.join("link/../in.mkv")),
            root.join("real/in.mkv")
        );
        assert_eq!(plain(&root.join("link/in.mkv")), root.join("link/in.mkv"));
    }
}
