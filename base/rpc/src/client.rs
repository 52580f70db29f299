use connectrpc::client::{ClientConfig, Http2Connection, SharedHttp2Connection};
use errors::Error;
use http::Uri;

use crate::limits::{CALL_TIMEOUT, CONNECT_TIMEOUT, KEEP_ALIVE, MAX_ANSWER_BYTES, MAX_CALLS};
use crate::token::Token;
use crate::transport::Transport;

/// What a generated client is made of: `SomethingClient::new(channel.transport, channel.config)`.
#[derive(Clone)]
pub struct Channel {
    pub transport: Transport,
    pub config: ClientConfig,
}

/// A channel to the server at `url`, which connects with the first call and again
/// whenever it was cut. Must be called on a runtime.
///
/// Several URLs, between commas, are those of servers that stand in for one another: calls go
/// to one of them until that fails.
///
/// Only `http` is spoken: the far end is this machine, or behind something that
/// adds TLS.
pub fn connect(url: &str, token: &Token) -> Result<Channel, Error> {
    let uris: Vec<_> = url.split(',').map(parse).collect::<Result<_, _>>()?;
    let first = uris.first().cloned().unwrap_or_default();
    let servers = uris.into_iter().map(|uri| (uri.clone(), connection(uri)));
    let config = ClientConfig::new(first)
        .with_default_timeout(CALL_TIMEOUT)
        .with_default_max_message_size(MAX_ANSWER_BYTES)
        .with_default_header("authorization", token.header());
    Ok(Channel {
        transport: Transport::new(servers.collect()),
        config,
    })
}

fn connection(uri: Uri) -> SharedHttp2Connection {
    Http2Connection::builder()
        .tcp_connect_timeout(CONNECT_TIMEOUT)
        .establishment_timeout(CONNECT_TIMEOUT)
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .lazy_plaintext(uri)
        .shared(MAX_CALLS)
}

fn parse(url: &str) -> Result<Uri, Error> {
    let uri: Option<Uri> = url.trim().parse().ok();
    let usable = |uri: &Uri| uri.scheme_str() == Some("http") && uri.authority().is_some();
    uri.filter(usable).ok_or_else(|| {
        Error::user("INVALID_URL", format!("{url:?} is not the URL of a server"))
            .hint("write it as http://127.0.0.1:7400")
    })
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel")
            .field("url", self.config.base_uri())
            .finish_non_exhaustive()
    }
}
