//! The way to a server: the token that lets in, and what goes wrong there.

use std::path::Path;

use errors::Error;
use rpc::{Token, TokenError};

use crate::explain::one_line;

/// Reads the token that a server asks for.
pub(crate) fn token(path: &Path) -> Result<Token, Error> {
    Token::load(path).map_err(|why| no_token(path, why))
}

/// Nobody answers at `url`.
pub(crate) fn unreachable(url: &str, why: &str, hint: &str) -> Error {
    let (url, why) = (one_line(url), one_line(why));
    Error::platform(
        "SERVER_UNREACHABLE",
        format!("no server answers at {url}: {why}"),
    )
    .at("--server")
    .hint(hint)
}

/// The server at `url` wants another token than the one in `path`.
pub(crate) fn token_refused(url: &str, path: &Path) -> Error {
    let (url, path) = (one_line(url), one_line(&path.to_string_lossy()));
    Error::user(
        "UNAUTHENTICATED",
        format!("the server at {url} does not accept the token in {path}"),
    )
    .at("--token-file")
    .hint("name the token file of that installation: `token` below its data folder")
}

fn no_token(path: &Path, why: TokenError) -> Error {
    let path = one_line(&path.to_string_lossy());
    let (problem, hint) = match why {
        TokenError::Io { why, .. } => (
            format!("cannot be read: {why}"),
            "it is `token` below the data folder of the installation; only its owner may read it"
                .to_owned(),
        ),
        TokenError::Exposed { mode, .. } => (
            format!("can be read by others (mode {mode:o})"),
            format!("chmod 600 {path}"),
        ),
        TokenError::Malformed { .. } => (
            "does not hold one line of at least 16 printable characters".to_owned(),
            "name the token file of the installation".to_owned(),
        ),
    };
    Error::user("TOKEN_UNUSABLE", format!("the token file {path} {problem}"))
        .at("--token-file")
        .hint(hint)
}
