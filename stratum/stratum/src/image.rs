use std::fmt;
use std::path::{Path, PathBuf};

use blob::Digest;

/// Where the programs of functions lie in their images.
pub const IMAGE_PROGRAMS: &str = "/function";
/// The longest reference to an image.
const LONGEST: usize = 512;

/// A container image, named so that it is the same bytes on every host and for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image(String);

/// A reference that may be another image tomorrow, or is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` does not name an image by its digest; write NAME@sha256:…, or sha256:… for one that is \
     only here (`cosmos function push` and `build` say which)"
)]
pub struct InvalidImage(String);

impl Image {
    /// Checks a reference: `NAME[:TAG]@sha256:…`, or `sha256:…` for an image of one engine alone.
    /// Next to a digest, a tag says nothing, and is dropped.
    ///
    /// # Errors
    /// When it has no digest, or is malformed.
    pub fn new(reference: &str) -> Result<Self, InvalidImage> {
        let wrong = || InvalidImage(reference.chars().take(LONGEST).collect());
        if reference.len() > LONGEST || is_digest(reference) {
            return is_digest(reference)
                .then(|| Self(reference.to_owned()))
                .ok_or_else(wrong);
        }
        let (name, digest) = reference.rsplit_once('@').ok_or_else(wrong)?;
        let name = without_tag(name);
        match is_name(name) && is_digest(digest) {
            true => Ok(Self(format!("{name}@{digest}"))),
            false => Err(wrong()),
        }
    }

    /// As an engine is asked for it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where a program named in a function's command lies in it.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        // An absolute name replaces the folder.
        Path::new(IMAGE_PROGRAMS).join(name)
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_digest(text: &str) -> bool {
    let hex = text.strip_prefix("sha256:");
    hex.is_some_and(|hex| format!("sha256/{hex}").parse::<Digest>().is_ok())
}

/// The port of a registry is no tag: it stands before a slash.
fn without_tag(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => before,
        _ => name,
    }
}

fn is_name(name: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"-._/:".contains(&c);
    let part = |part: &str| part.starts_with(|c: char| c.is_ascii_alphanumeric());
    name.bytes().all(plain) && name.split('/').all(part)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HEX: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    #[test]
    fn images_are_named_by_digest() {
        let id = format!("sha256:{HEX}");
        for (reference, expected) in [
            (id.clone(), Some(id.clone())),
            (format!("poster@{id}"), Some(format!("poster@{id}"))),
            (
                format!("localhost:5000/a/b:1.0@{id}"),
                Some(format!("localhost:5000/a/b@{id}")),
            ),
            ("poster:1.0".into(), None),
            ("poster".into(), None),
            (format!("@{id}"), None),
            (format!("a//b@{id}"), None),
            (format!("../b@{id}"), None),
            (format!("a b@{id}"), None),
            ("poster@sha256:12".into(), None),
            (String::new(), None),
        ] {
            let image = Image::new(&reference).ok().map(|image| image.to_string());
            assert_eq!(image, expected, "{reference}");
        }
    }

    #[test]
    fn programs_lie_in_one_folder_unless_they_say_otherwise() {
        let image = Image::new(&format!("sha256:{HEX}")).unwrap();
        let at = |name: &str| image.program(name).display().to_string();
        assert_eq!(at("run.sh"), "/function/run.sh");
        assert_eq!(at("/usr/bin/ffmpeg"), "/usr/bin/ffmpeg");
    }
}
