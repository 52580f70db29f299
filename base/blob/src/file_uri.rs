use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

/// The longest path, in bytes.
const MAX_PATH_BYTES: usize = 4_095;

/// A file of this machine as a URI (RFC 8089): "file:///media/a%20film.mp4". Its path
/// is absolute and without "." and "..".
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileUri(PathBuf);

impl FileUri {
    /// Of an absolute path; `None` when it is not one, or has "..".
    pub fn of(path: &Path) -> Option<Self> {
        is_plain(path).then(|| Self(path.components().collect()))
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl fmt::Display for FileUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("file://")?;
        self.0
            .as_os_str()
            .as_bytes()
            .iter()
            .try_for_each(|byte| match byte {
                byte if stands_for_itself(*byte) => write!(f, "{}", char::from(*byte)),
                byte => write!(f, "%{byte:02X}"),
            })
    }
}

/// Why a text is not the URI of a file, and what would be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAFileUri {
    #[error("only files can be named so: write file:///absolute/path")]
    OtherScheme,
    #[error("{problem}: {hint}")]
    Malformed {
        problem: &'static str,
        hint: &'static str,
    },
}

impl FromStr for FileUri {
    type Err = NotAFileUri;

    fn from_str(text: &str) -> Result<Self, NotAFileUri> {
        parse(text)
    }
}

fn parse(text: &str) -> Result<FileUri, NotAFileUri> {
    let rest = strip_scheme(text)?;
    if rest.contains(['?', '#']) {
        return Err(malformed(
            "a file has no query and no fragment",
            "write ? as %3F and # as %23",
        ));
    }
    let bytes = decode(rest)?;
    if bytes.contains(&0) || bytes.len() > MAX_PATH_BYTES {
        return Err(malformed(
            "the path holds a zero byte or is too long",
            "name another file",
        ));
    }
    let path = PathBuf::from(OsString::from_vec(bytes));
    FileUri::of(&path)
        .ok_or_else(|| malformed("the path is not absolute and plain", "write it without .."))
}

/// The path, still encoded.
fn strip_scheme(text: &str) -> Result<&str, NotAFileUri> {
    let Some((scheme, rest)) = text.split_once(':') else {
        return Err(malformed(
            "there is no scheme",
            "write file:///absolute/path",
        ));
    };
    if !scheme.eq_ignore_ascii_case("file") {
        return Err(NotAFileUri::OtherScheme);
    }
    let path = rest
        .strip_prefix("//localhost/")
        .or(rest.strip_prefix("///"));
    // The stripped slash belongs to the path.
    path.map(|path| &rest[rest.len() - path.len() - 1..])
        .ok_or_else(|| malformed("the path is not absolute", "write file:///absolute/path"))
}

fn decode(text: &str) -> Result<Vec<u8>, NotAFileUri> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = match byte {
            b'%' => {
                bytes.push(escaped(tail)?);
                &tail[2..]
            }
            byte => {
                bytes.push(*byte);
                tail
            }
        };
    }
    Ok(bytes)
}

fn escaped(tail: &[u8]) -> Result<u8, NotAFileUri> {
    let digits = tail
        .get(..2)
        .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    digits
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| u8::from_str_radix(digits, 16).ok())
        .ok_or_else(|| malformed("a % is not followed by two digits", "write % itself as %25"))
}

fn malformed(problem: &'static str, hint: &'static str) -> NotAFileUri {
    NotAFileUri::Malformed { problem, hint }
}

fn is_plain(path: &Path) -> bool {
    let names = |component| matches!(component, Component::RootDir | Component::Normal(_));
    path.is_absolute() && path.components().all(names)
}

fn stands_for_itself(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_uri_names_an_absolute_path() {
        let table = [
            ("file:///media/in.mp4", "/media/in.mp4"),
            ("FILE:///media//./in.mp4", "/media/in.mp4"),
            ("file://localhost/media/in.mp4", "/media/in.mp4"),
            ("file:///a%20film%25.mp4", "/a film%.mp4"),
            ("file:///fran%C3%A7ais/été.mkv", "/français/été.mkv"),
        ];
        for (uri, path) in table {
            assert_eq!(parse(uri).unwrap().path(), Path::new(path), "{uri}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for uri in ["https://example.com/in.mp4", "s3://bucket/in.mp4"] {
            assert_eq!(parse(uri), Err(NotAFileUri::OtherScheme), "{uri}");
        }
        for uri in [
            "/media/in.mp4",
            "media",
            "file:media/in.mp4",
            "file:/media/in.mp4",
            "file://server/media/in.mp4",
            "file:///media/../etc/passwd",
            "file:///media/%2e%2e/etc/passwd",
            "file:///media/%2",
            "file:///media/%+1",
            "file:///media/%00",
            "file:///media/in.mp4?x=1",
            "file:///media/in.mp4#t=1",
        ] {
            let malformed = matches!(parse(uri), Err(NotAFileUri::Malformed { .. }));
            assert!(malformed, "{uri}");
        }
    }

    proptest! {
        #[test]
        fn every_path_survives(
            names in proptest::collection::vec(
                proptest::collection::vec(1u8.., 1..20), 1..5),
        ) {
            let path: PathBuf = std::iter::once(OsString::from("/"))
                .chain(names.into_iter().map(OsString::from_vec))
                .collect();
            if let Some(uri) = FileUri::of(&path) {
                prop_assert_eq!(parse(&uri.to_string()).unwrap(), uri);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = parse(&text);
            let _ = parse(&format!("file://{text}"));
        }
    }
}
