use connectrpc::client::{ClientConfig, Http2Connection, SharedHttp2Connection};
use errors::Error;
use http::Uri;

use crate::limits::{CALL_TIMEOUT, CONNECT_TIMEOUT, KEEP_ALIVE, MAX_ANSWER_BYTES, MAX_CALLS};
use crate::token::Token;

/// What a generated client is made of: `SomethingClient::new(channel.transport, channel.config)`.
#[derive(Clone)]
pub struct Channel {
    pub transport: SharedHttp2Connection,
    pub config: ClientConfig,
}

/// A channel to the server at `url`, which connects with the first call and again
/// whenever it was cut. Must be called on a runtime.
///
/// Only `http` is spoken: the far end is this machine, or behind something that
/// adds TLS.
pub fn connect(url: &str, token: &Token) -> Result<Channel, Error> {
    let uri = parse(url)?;
    let transport = Http2Connection::builder()
        .tcp_connect_timeout(CONNECT_TIMEOUT)
        .establishment_timeout(CONNECT_TIMEOUT)
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .lazy_plaintext(uri.clone())
        .shared(MAX_CALLS);
    let config = ClientConfig::new(uri)
        .with_default_timeout(CALL_TIMEOUT)
        .with_default_max_message_size(MAX_ANSWER_BYTES)
        .with_default_header("authorization", token.header());
    Ok(Channel { transport, config })
}

fn parse(url: &str) -> Result<Uri, Error> {
    let uri: Option<Uri> = url.parse().ok();
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
