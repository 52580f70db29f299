use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use uuid::Uuid;

/// Longer files are not tokens.
const MAX_BYTES: u64 = 1_024;
const MIN_BYTES: usize = 16;

/// The secret that every call carries. Never printed.
#[derive(Clone)]
pub struct Token(String);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("the token file {path} cannot be used: {why}")]
    Io { path: PathBuf, why: io::Error },
    #[error("the token file {path} can be read by others (mode {mode:o}); run: chmod 600 {path}")]
    Exposed { path: PathBuf, mode: u32 },
    #[error(
        "the token file {path} does not hold one line of at least 16 printable characters; delete it to get a new one"
    )]
    Malformed { path: PathBuf },
}

impl Token {
    /// The token in the file at `path`, which only its owner may read; a new one,
    /// written there, if there is no file.
    pub fn load_or_create(path: &Path) -> Result<Self, TokenError> {
        match create(path) {
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => Self::load(path),
            created => created.map_err(|why| io_error(path, why)),
        }
    }

    /// The token in the file at `path`, which only its owner may read.
    pub fn load(path: &Path) -> Result<Self, TokenError> {
        let file = open(path).map_err(|why| io_error(path, why))?;
        refuse_exposed(path, &file)?;
        let mut text = String::new();
        file.take(MAX_BYTES)
            .read_to_string(&mut text)
            .map_err(|why| io_error(path, why))?;
        Self::parse(text.trim_end()).ok_or(TokenError::Malformed { path: path.into() })
    }

    /// A token of at least 16 printable characters; `None` if it is not.
    pub fn parse(text: &str) -> Option<Self> {
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        (printable && text.len() >= MIN_BYTES).then(|| Self(text.to_owned()))
    }

    /// A new token with 244 random bits.
    pub fn random() -> Self {
        let (a, b) = (Uuid::new_v4().simple(), Uuid::new_v4().simple());
        Self(format!("{a}{b}"))
    }

    /// Whether `other` is this token, in a time that does not depend on where
    /// they differ.
    pub fn is(&self, other: &[u8]) -> bool {
        let pairs = self.0.bytes().zip(other);
        let difference = pairs.fold(0, |seen, (a, b)| seen | (a ^ b));
        std::hint::black_box(difference) == 0 && self.0.len() == other.len()
    }

    /// The value of an `authorization` header.
    pub(crate) fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Writes a new token under its final name at once, so that nobody reads half of it.
fn create(path: &Path) -> io::Result<Token> {
    if path.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let token = Token::random();
    let draft = path.with_extension(Uuid::new_v4().simple().to_string());
    let linked = write(&draft, &token).and_then(|()| std::fs::hard_link(&draft, path));
    // A draft that stays behind is a secret nobody knows.
    let _ = std::fs::remove_file(&draft);
    linked.map(|()| token)
}

fn write(path: &Path, token: &Token) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{}", token.0)?;
    file.sync_all()
}

/// Opens a file, but not through a link that somebody else may have put there.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW.bits() as i32;
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

fn refuse_exposed(path: &Path, file: &File) -> Result<(), TokenError> {
    let metadata = file.metadata().map_err(|why| io_error(path, why))?;
    match metadata.mode() & 0o777 {
        mode if mode & 0o077 == 0 => Ok(()),
        mode => Err(TokenError::Exposed {
            path: path.into(),
            mode,
        }),
    }
}

fn io_error(path: &Path, why: io::Error) -> TokenError {
    TokenError::Io {
        path: path.into(),
        why,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_token_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let first = Token::load_or_create(&path).unwrap();
        let second = Token::load_or_create(&path).unwrap();
        assert!(first.is(second.0.as_bytes()));
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn a_token_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        Token::load_or_create(&path).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        let error = Token::load_or_create(&path).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        Token::load_or_create(&target).unwrap();
        symlink(&target, &link).unwrap();
        assert!(Token::load_or_create(&link).is_err());
    }

    #[test]
    fn only_the_same_token_is_the_same() {
        let token = Token::parse("0123456789abcdef").unwrap();
        assert!(token.is(b"0123456789abcdef"));
        for other in [
            "0123456789abcdeF",
            "0123456789abcde",
            "0123456789abcdef0",
            "",
        ] {
            assert!(!token.is(other.as_bytes()), "{other}");
        }
        assert!(Token::parse("short").is_none());
        assert!(Token::parse("0123456789 abcdef").is_none());
    }

    #[test]
    fn a_token_is_not_printed() {
        let token = Token::random();
        assert!(!format!("{token:?}").contains(&token.0));
    }
}
