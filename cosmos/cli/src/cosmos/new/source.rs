//! Where a service finds the crates of Cosmos.

use std::path::{Path, PathBuf};

use errors::Error;

/// How the template names the root of the repository, which it lies in.
const ROOT: &str = r#"path = "../../"#;
/// A file that tells a repository of Cosmos from other folders.
const TELLING: &str = "cosmos/service-kit/Cargo.toml";

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    Folder(PathBuf),
    Git(String),
}

impl Source {
    /// What was said on the command line.
    pub(super) fn of(text: Option<&str>) -> Result<Self, Error> {
        match text {
            None => Err(unsaid()),
            Some(text) if text.contains(['"', '\\', '\n', '\r', '\t']) => Err(unwritable(text)),
            Some(url) if url.contains("://") => Ok(Self::Git(url.to_owned())),
            Some(folder) if Path::new(folder).join(TELLING).is_file() => {
                Ok(Self::Folder(folder.into()))
            }
            Some(folder) => Err(not_cosmos(folder)),
        }
    }

    /// The template's manifest, naming the crates where they are.
    pub(super) fn name_crates(&self, manifest: &str) -> String {
        let lines = manifest.lines().map(|line| self.name_crate(line) + "\n");
        lines.collect()
    }

    fn name_crate(&self, line: &str) -> String {
        let named = line.split_once(ROOT);
        let Some((before, (path, after))) =
            named.and_then(|(b, rest)| Some((b, rest.split_once('"')?)))
        else {
            return line.to_owned();
        };
        match self {
            Self::Git(url) => format!(r#"{before}git = "{url}"{after}"#),
            Self::Folder(root) => {
                format!(
                    r#"{before}path = "{}"{after}"#,
                    from_within(root).join(path).display()
                )
            }
        }
    }

    /// The versions of other crates that Cosmos is tested with, where they can be read.
    pub(super) fn versions(&self) -> Option<Vec<u8>> {
        match self {
            Self::Folder(root) => std::fs::read(root.join("Cargo.lock")).ok(),
            Self::Git(_) => None,
        }
    }
}

/// A folder as seen from a new one beside us.
fn from_within(folder: &Path) -> PathBuf {
    Path::new("..").join(folder).components().collect()
}

fn unsaid() -> Error {
    Error::user(
        "NO_CRATES",
        "the crates of Cosmos are not published; a service must be told where they are",
    )
    .at("--cosmos")
    .hint("add --cosmos FOLDER with a folder of Cosmos' repository, or --cosmos URL for Git")
}

fn unwritable(text: &str) -> Error {
    Error::user(
        "NO_CRATES",
        format!("{text:?} cannot be written into a Cargo.toml"),
    )
    .at("--cosmos")
    .hint("name a folder without quotes and backslashes")
}

fn not_cosmos(folder: &str) -> Error {
    Error::user(
        "NO_CRATES",
        format!("{folder} is no repository of Cosmos: it has no {TELLING}"),
    )
    .at("--cosmos")
    .hint("name the folder that holds Cosmos' Cargo.lock, or a URL for Git")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"plato = { path = "../../plato/plato", optional = true }"#;

    #[test]
    fn crates_are_named_where_they_are() {
        for (source, expected) in [
            (Source::Folder("/c".into()), r#"path = "/c/plato/plato""#),
            (Source::Folder(".".into()), r#"path = "../plato/plato""#),
            (
                Source::Folder("../c/".into()),
                r#"path = "../../c/plato/plato""#,
            ),
            (Source::Git("ssh://c".into()), r#"git = "ssh://c""#),
        ] {
            let named = source.name_crates(&format!("[dependencies]\n{LINE}\n"));
            assert_eq!(
                named,
                format!("[dependencies]\nplato = {{ {expected}, optional = true }}\n")
            );
        }
    }
}
