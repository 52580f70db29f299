//! What a package is made of, as text: its digest is the package's.

use std::fmt;

use blob::Digest;

const HEAD: &str = "stratum package 1";
/// Instead of the program's digest, where the declaration names an image.
const IMAGE: &str = "image";

/// A package by the digests of its parts. Kept as a blob, it is found by the digest of the package,
/// and whoever keeps it keeps the program that it names.
///
/// ```text
/// stratum package 1
/// sha256/…              the program; or `image`
/// sha256/… ffmpeg       each tool
/// name: poster          the declaration, as it stands
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// `None` = the image that the declaration names has it.
    pub program: Option<Digest>,
    /// Digest and name of each.
    pub tools: Vec<(Digest, String)>,
    /// The `function.yaml`.
    pub declaration: String,
}

/// The bytes are no manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not the manifest of a function's package")]
pub struct NotAManifest;

impl Manifest {
    /// Reads what [`Display`](fmt::Display) wrote.
    ///
    /// # Errors
    /// When it was not.
    pub fn parse(text: &str) -> Result<Self, NotAManifest> {
        let rest = text.strip_prefix(HEAD).and_then(|t| t.strip_prefix('\n'));
        let (program, mut rest) = rest.and_then(|t| t.split_once('\n')).ok_or(NotAManifest)?;
        let program = match program {
            IMAGE => None,
            digest => Some(digest.parse().map_err(|_| NotAManifest)?),
        };
        let mut tools = Vec::new();
        while let Some((tool, after)) = rest.split_once('\n').and_then(|(line, after)| {
            let (digest, name) = line.split_once(' ')?;
            Some(((digest.parse().ok()?, name.to_owned()), after))
        }) {
            tools.push(tool);
            rest = after;
        }
        Ok(Self {
            program,
            tools,
            declaration: rest.to_owned(),
        })
    }

    /// Of the package.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_string().as_bytes())
    }
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEAD)?;
        match &self.program {
            Some(digest) => write!(f, "\n{digest}\n")?,
            None => write!(f, "\n{IMAGE}\n")?,
        }
        for (digest, name) in &self.tools {
            writeln!(f, "{digest} {name}")?;
        }
        f.write_str(&self.declaration)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_manifest_reads_back(
            program in prop::option::of(any::<[u8; 32]>()),
            tools in prop::collection::vec((any::<[u8; 32]>(), "[a-z0-9.-]{1,12}"), 0..4),
            declaration in "(name: [a-z]{1,9}\n)?[ -~\n]{0,80}",
        ) {
            let manifest = Manifest {
                program: program.map(Digest::from_bytes),
                tools: tools.into_iter().map(|(d, name)| (Digest::from_bytes(d), name)).collect(),
                declaration,
            };
            let text = manifest.to_string();
            prop_assert_eq!(Manifest::parse(&text).unwrap(), manifest);
        }

        #[test]
        fn nothing_panics(text in "(stratum package 1\n)?[ -~\n]{0,120}") {
            let _ = Manifest::parse(&text);
        }
    }

    #[test]
    fn other_bytes_are_none() {
        let digest = Digest::of(b"x");
        for text in [
            "",
            "stratum package 1",
            "stratum package 2\nimage\n",
            "stratum package 1\nx\n",
        ] {
            assert_eq!(Manifest::parse(text), Err(NotAManifest), "{text:?}");
        }
        let least = Manifest::parse(&format!("stratum package 1\n{digest}\n")).unwrap();
        assert_eq!(
            (least.program, least.declaration.as_str()),
            (Some(digest), "")
        );
    }
}
