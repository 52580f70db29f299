//! A server's API, and what went wrong on the way to it.

use std::path::{Path, PathBuf};

use connectrpc::{ConnectError, ErrorCode};
use errors::{Class, Error};
use ves_api::wire::{VideoEncodingServiceClient, VirtualAssemblyServiceClient};

use super::args::ServerArgs;
use crate::server;

/// Where an installation that was started here keeps its token.
const INSTALLATION_TOKEN: &str = "cosmos-data/token";
/// What would do where nobody answers.
const NOBODY: &str = "start one with `cosmos up`, or name another with --server or VES_SERVER";

/// A server.
pub(super) struct Server {
    pub client: VideoEncodingServiceClient<rpc::Transport>,
    pub assembly: VirtualAssemblyServiceClient<rpc::Transport>,
    url: String,
    token: PathBuf,
}

impl Server {
    /// Nothing is sent yet. Must be called on the runtime.
    pub(super) fn of(args: &ServerArgs) -> Result<Self, Error> {
        let path = token_path(args)?;
        let token = server::token(&path)?;
        let channel = rpc::connect(&args.server, &token).map_err(|error| error.at("--server"))?;
        let (transport, config) = (channel.transport, channel.config);
        Ok(Self {
            assembly: VirtualAssemblyServiceClient::new(transport.clone(), config.clone()),
            client: VideoEncodingServiceClient::new(transport, config),
            url: args.server.clone(),
            token: path,
        })
    }

    /// What a call was answered with, in the words of somebody at a terminal.
    pub(super) fn told(&self, refusal: &ConnectError) -> Vec<Error> {
        match refusal.code {
            // An answer from the service itself has details.
            ErrorCode::Unavailable if refusal.details.is_empty() => {
                let why = refusal.message.as_deref().unwrap_or("no answer");
                vec![server::unreachable(&self.url, why, NOBODY)]
            }
            ErrorCode::Unauthenticated => vec![server::token_refused(&self.url, &self.token)],
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
