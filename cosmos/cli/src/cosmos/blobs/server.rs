//! A server that looks after blobs, and what went wrong on the way to it.

use std::path::PathBuf;

use connectrpc::{ConnectError, ErrorCode};
use errors::Error;
use proto::base::v1::BlobServiceClient;

use crate::cosmos::queue::args::ServerArgs;
use crate::cosmos::queue::server::configuration;
use crate::server;

/// What would do where nobody answers.
const NOBODY: &str = "start one with `cosmos up`, or name another with --server or --config";
/// What would do where somebody else answers.
const NO_BLOBS: &str = "`cosmos up` looks after blobs where it serves queues, `cosmos run plato` \
                        over a database where `plato: listen` of the configuration says";

/// A server that looks after blobs.
pub(super) struct Server {
    pub client: BlobServiceClient<rpc::Transport>,
    url: String,
    token: PathBuf,
}

impl Server {
    /// Nothing is sent yet. Must be called on the runtime.
    pub(super) fn of(args: &ServerArgs) -> Result<Self, Error> {
        let config = configuration(args)?;
        let url = args.server.clone();
        let url = url.unwrap_or_else(|| config.timestone_url());
        let path = args.token_file.clone();
        let path = path.unwrap_or_else(|| config.token_path());
        let token = server::token(&path)?;
        let channel = rpc::connect(&url, &token).map_err(|error| error.at("--server"))?;
        Ok(Self {
            client: BlobServiceClient::new(channel.transport, channel.config),
            url,
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
            ErrorCode::Unimplemented => vec![self.no_blobs()],
            _ => rpc::told(refusal),
        }
    }

    fn no_blobs(&self) -> Error {
        let message = format!("the server at {} looks after no blobs", self.url);
        Error::user("NO_BLOBS", message)
            .at("--server")
            .hint(NO_BLOBS)
    }
}
