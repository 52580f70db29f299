//! Why bytes did not come.

use errors::Error;

/// What went wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    #[error("the connection was cut: {0}")]
    Cut(String),
    #[error("the server said nothing any more")]
    Stalled,
    #[error("the answer ended {missing} bytes early")]
    Truncated { missing: u64 },
    #[error("the server is busy or broken: status {0}")]
    Busy(u16),
    #[error("the bytes are not those of the checksum that came with them")]
    Corrupt,
    #[error("it is not what it was: {0}")]
    Changed(String),
    #[error("it does not exist")]
    Missing,
    #[error("the server refuses it: status {0}")]
    Denied(u16),
    #[error("the server sends elsewhere, and that is not followed")]
    Redirected,
    #[error("the server sends no ranges of it")]
    NoRanges,
    #[error("the server tells neither ETag nor date of it, so a change could not be noticed")]
    Nameless,
    #[error("it is empty")]
    Empty,
    #[error("its server is at {0}, an address of this machine or a private network")]
    NotPublic(std::net::IpAddr),
    #[error("the server answers what is no answer: {0}")]
    Nonsense(String),
}

impl Fault {
    /// Whether asking again may help.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_)
                | Self::Cut(_)
                | Self::Stalled
                | Self::Truncated { .. }
                | Self::Busy(_)
                | Self::Corrupt
        )
    }

    /// What it means for whoever named the source `uri`.
    #[must_use]
    pub fn error(&self, uri: &str) -> Error {
        let shown: String = uri.escape_debug().take(200).collect();
        let message = format!("{shown} cannot be read: {self}");
        let user = |code: &str, hint: &str| Error::user(code, message.clone()).hint(hint);
        match self {
            passing if passing.is_passing() => Error::platform("SOURCE_UNREACHABLE", message)
                .hint("see that its server is up and answers this machine"),
            Self::Changed(_) => Error::source("SOURCE_CHANGED", message)
                .hint("leave a source alone until its request has ended, then ask again"),
            Self::Missing => user("SOURCE_MISSING", "name an object that exists"),
            Self::Denied(_) => user(
                "SOURCE_NOT_READABLE",
                "let the operator configure credentials that may read it",
            ),
            Self::Redirected => user("SOURCE_REDIRECTED", "name the object where it really is"),
            Self::NoRanges | Self::Nameless => user(
                "SOURCE_NOT_SEEKABLE",
                "put it on a server with ranges and ETags, or name a file",
            ),
            Self::Empty => user("SOURCE_EMPTY", "name an object that was written to its end"),
            Self::NotPublic(_) => user(
                "SOURCE_NOT_PUBLIC",
                "let the operator name the server among `private` of `sources`, if that is meant",
            ),
            _ => Error::source("SOURCE_UNREADABLE", message),
        }
    }
}
