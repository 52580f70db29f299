//! A server of the catalog of functions, and what went wrong on the way to it.

use std::path::PathBuf;

use connectrpc::{ConnectError, ErrorCode};
use daemon::Config;
use errors::Error;
use proto::stratum::v1::{FunctionServiceClient, PublishedFunction};

use crate::cosmos::function::find::configuration;
use crate::cosmos::workflow::args::ServerArgs;
use crate::server;

/// What would do where nobody answers.
const NOBODY: &str = "start one with `cosmos up`, or name another with --server or --config";
/// What would do where somebody else answers.
const NO_CATALOG: &str = "`cosmos up` and `cosmos run optimus` have it where they serve the API";

/// A server of the catalog of functions.
pub(super) struct Server {
    pub client: FunctionServiceClient<rpc::Transport>,
    url: String,
    token: PathBuf,
}

impl Server {
    /// Nothing is sent yet. Must be called on the runtime.
    pub(super) fn of(args: &ServerArgs) -> Result<Self, Error> {
        let config: Config = configuration(args.config.as_deref(), &[])?;
        let url = args.server.clone();
        let url = url.unwrap_or_else(|| format!("http://{}", config.optimus.listen));
        let path = args.token_file.clone();
        let path = path.unwrap_or_else(|| config.token_path());
        let token = server::token(&path)?;
        let channel = rpc::connect(&url, &token).map_err(|error| error.at("--server"))?;
        Ok(Self {
            client: FunctionServiceClient::new(channel.transport, channel.config),
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
            ErrorCode::Unimplemented => vec![self.no_catalog()],
            _ => rpc::told(refusal).into_iter().map(in_our_words).collect(),
        }
    }

    fn no_catalog(&self) -> Error {
        let message = format!("the server at {} has no catalog of functions", self.url);
        Error::user("NO_CATALOG", message)
            .at("--server")
            .hint(NO_CATALOG)
    }
}

/// The function that an answer tells of.
pub(super) fn told_of(function: Option<PublishedFunction>) -> Result<PublishedFunction, Error> {
    function.ok_or_else(|| {
        let message = "the server told of no function";
        Error::platform("MALFORMED_ANSWER", message)
    })
}

/// Fields of requests are arguments here.
fn in_our_words(mut error: Error) -> Error {
    let argument = match error.field.as_deref() {
        Some("channel") => "--channel",
        Some("percent") => "--percent",
        Some("function" | "digest") => "FUNCTION",
        Some("version") => "VERSION",
        _ => return error,
    };
    error.field = Some(argument.into());
    error
}
