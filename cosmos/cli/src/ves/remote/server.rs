//! A server's API, and what went wrong on the way to it.

use std::path::{Path, PathBuf};

use connectrpc::client::SharedHttp2Connection;
use connectrpc::{ConnectError, ErrorCode};
use errors::{Class, Error};
use rpc::{Token, TokenError};
use ves_api::wire::VideoEncodingServiceClient;

use super::args::ServerArgs;
use crate::ves::explain::one_line;

/// Where an installation that was started here keeps its token.
const INSTALLATION_TOKEN: &str = "cosmos-data/token";

/// A server.
pub(super) struct Server {
    pub client: VideoEncodingServiceClient<SharedHttp2Connection>,
    url: String,
    token: PathBuf,
}

impl Server {
    /// Nothing is sent yet. Must be called on the runtime.
    pub(super) fn of(args: &ServerArgs) -> Result<Self, Error> {
        let path = token_path(args)?;
        let token = Token::load(&path).map_err(|why| no_token(&path, why))?;
        let channel = rpc::connect(&args.server, &token).map_err(|error| error.at("--server"))?;
        Ok(Self {
            client: VideoEncodingServiceClient::new(channel.transport, channel.config),
            url: args.server.clone(),
            token: path,
        })
    }

    /// What a call was answered with, in the words of somebody at a terminal.
    pub(super) fn told(&self, refusal: &ConnectError) -> Vec<Error> {
        let (url, token) = (one_line(&self.url), one_line(&self.token.to_string_lossy()));
        match refusal.code {
            // An answer from the service itself has details.
            ErrorCode::Unavailable if refusal.details.is_empty() => {
                vec![unreachable(&url, refusal)]
            }
            ErrorCode::Unauthenticated => vec![
                Error::user(
                    "UNAUTHENTICATED",
                    format!("the server at {url} does not accept the token in {token}"),
                )
                .at("--token-file")
                .hint("name the token file of that installation: `token` below its data folder"),
            ],
            _ => rpc::told(refusal),
        }
    }
}

/// Whether the same call may be answered otherwise soon.
pub(super) fn may_pass(errors: &[Error]) -> bool {
    errors
        .first()
        .is_some_and(|error| error.class == Class::Platform)
}

fn unreachable(url: &str, refusal: &ConnectError) -> Error {
    let why = refusal.message.as_deref().unwrap_or("no answer");
    Error::platform(
        "SERVER_UNREACHABLE",
        format!("no server answers at {url}: {}", one_line(why)),
    )
    .at("--server")
    .hint("start one with `cosmos up`, or name another with --server or VES_SERVER")
}

fn token_path(args: &ServerArgs) -> Result<PathBuf, Error> {
    if let Some(path) = &args.token_file {
        return Ok(path.clone());
    }
    let here = Path::new(INSTALLATION_TOKEN);
    match here.symlink_metadata() {
        Ok(_) => Ok(here.to_owned()),
        Err(_) => Err(Error::user(
            "NO_TOKEN",
            format!("no token is known: there is no {INSTALLATION_TOKEN} here"),
        )
        .at("--token-file")
        .hint(
            "name the installation's token file with --token-file or VES_TOKEN_FILE; `cosmos up` \
             writes it as `token` below its data folder",
        )),
    }
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
