//! Connections to servers that stand in for one another.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use connectrpc::ConnectError;
use connectrpc::client::{ClientBody, ClientTransport, SharedHttp2Connection};
use http::uri::{Parts, Uri};
use http::{Request, Response};

/// Carries calls to one of several servers: the same, until it cannot be reached or breaks a
/// call off; then the next. A call that failed is not made again here.
#[derive(Clone)]
pub struct Transport(Arc<Servers>);

struct Servers {
    /// At least one.
    servers: Vec<(Uri, SharedHttp2Connection)>,
    current: AtomicUsize,
}

type Body = <SharedHttp2Connection as ClientTransport>::ResponseBody;

impl Transport {
    /// To the first of `servers`, of which there is at least one.
    pub(crate) fn new(servers: Vec<(Uri, SharedHttp2Connection)>) -> Self {
        Self(Arc::new(Servers {
            servers,
            current: AtomicUsize::new(0),
        }))
    }
}

impl Servers {
    /// Moves on from a server that failed, unless somebody else has.
    fn leave(&self, failed: usize) {
        let next = (failed + 1) % self.servers.len();
        let order = Ordering::Relaxed;
        let _ = self.current.compare_exchange(failed, next, order, order);
    }
}

impl ClientTransport for Transport {
    type ResponseBody = Body;
    type Error = ConnectError;

    fn send(
        &self,
        mut request: Request<ClientBody>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Body>, ConnectError>> + Send>> {
        let servers = Arc::clone(&self.0);
        Box::pin(async move {
            let current = servers.current.load(Ordering::Relaxed);
            let (server, connection) = &servers.servers[current];
            if servers.servers.len() > 1 {
                *request.uri_mut() = at(server, request.uri());
            }
            let answer = connection.send(request).await;
            if answer.is_err() {
                servers.leave(current);
            }
            answer
        })
    }
}

/// The same path at another server.
fn at(server: &Uri, uri: &Uri) -> Uri {
    let mut parts = Parts::default();
    parts.scheme = server.scheme().cloned();
    parts.authority = server.authority().cloned();
    parts.path_and_query = uri.path_and_query().cloned();
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}
