//! A connection to a server: its name resolved once, and connected to what it resolved to.

use std::net::SocketAddr;

use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::rustls::pki_types::ServerName;

use crate::address::is_public;
use crate::limits::ADDRESSES;
use crate::tls::Tls;
use crate::url::Origin;
use crate::{Fault, Object};

/// Sends requests without a body.
pub(crate) type Sender = SendRequest<String>;

pub(crate) async fn connect(object: &Object, tls: &Tls) -> Result<Sender, Fault> {
    let Origin { host, .. } = &object.origin;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let stream = reach(&addresses(host, object).await?).await?;
    let _ = stream.set_nodelay(true);
    if !object.origin.tls {
        return speak(stream).await;
    }
    let name = ServerName::try_from(host.to_owned());
    let name = name.map_err(|error| Fault::Nonsense(error.to_string()))?;
    let secured = tls.connector()?.connect(name, stream).await;
    speak(secured.map_err(|error| Fault::Unreachable(error.to_string()))?).await
}

async fn addresses(host: &str, object: &Object) -> Result<Vec<SocketAddr>, Fault> {
    let found = lookup_host((host, object.origin.port)).await;
    let found = found.map_err(|error| Fault::Unreachable(error.to_string()))?;
    let found: Vec<SocketAddr> = found.collect();
    // One that is not public among others is a name that wants to be mistaken.
    match found.iter().find(|address| !is_public(address.ip())) {
        Some(address) if !object.private => Err(Fault::NotPublic(address.ip())),
        _ => Ok(found),
    }
}

async fn reach(addresses: &[SocketAddr]) -> Result<TcpStream, Fault> {
    let mut problem = Fault::Unreachable("its name has no address".into());
    for address in addresses.iter().take(ADDRESSES) {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => problem = Fault::Unreachable(error.to_string()),
        }
    }
    Err(problem)
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> Result<Sender, Fault> {
    let opened = handshake(TokioIo::new(stream)).await;
    let (sender, connection) = opened.map_err(|error| Fault::Cut(error.to_string()))?;
    // It ends when the sender is dropped, or the server closes it: whoever waits for an answer is told.
    tokio::spawn(connection);
    Ok(sender)
}
