use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::serve::ListenerExt;
use connectrpc::{ConnectRpcService, DeadlinePolicy, Limits, Router};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::guard::{self, Guard};
use crate::limits::{DRAIN, MAX_CALL_TIMEOUT, MAX_REQUEST_BYTES};
use crate::serving::{Serving, Timed};
use crate::token::Token;

/// What a server will serve: RPC services as gRPC, gRPC-Web and JSON, and
/// further HTTP routes, all of them only to callers with the token, where there is one.
pub struct Server {
    guard: Guard,
    services: Router,
    routes: axum::Router,
    serving: Serving,
}

impl Server {
    /// Serves nothing yet, to callers who show `token`.
    pub fn new(token: Token) -> Self {
        Self {
            guard: Guard::new(token),
            services: Router::new(),
            routes: axum::Router::new(),
            serving: Serving::default(),
        }
    }

    /// Serves nothing yet, to everybody who reaches it by one of its names: for what may
    /// be known to all who can, to programs that have no token.
    pub fn without_token() -> Self {
        Self {
            guard: Guard::open(),
            services: Router::new(),
            routes: axum::Router::new(),
            serving: Serving::default(),
        }
    }

    /// Answers to another host name, besides the address it is bound to and the
    /// names of loopback.
    pub fn host(mut self, name: impl Into<String>) -> Self {
        self.guard.also(name.into());
        self
    }

    /// Adds RPC services: `Arc::new(service).register(Router::new())`.
    pub fn services(mut self, services: Router) -> Self {
        self.services = self.services.merge(services);
        self
    }

    /// Adds other routes.
    pub fn routes(mut self, routes: axum::Router) -> Self {
        self.routes = self.routes.merge(routes);
        self
    }

    /// Tells `told` the path of each call that was answered, and how long that took; of a
    /// stream, until it began, and of the calls in it what the service [says](Serving::told).
    pub fn timed(mut self, told: impl Fn(&str, Duration) + Send + Sync + 'static) -> Self {
        self.serving.timed = Some(Arc::new(told));
        self
    }

    /// Listens at `address`; port 0 means any that is free.
    pub async fn bind(mut self, address: SocketAddr) -> io::Result<Bound> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        self.guard.also(match address {
            SocketAddr::V4(v4) => v4.ip().to_string(),
            SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
        });
        Ok(Bound {
            stopping: self.serving.stopping.clone(),
            app: self.app(),
            listener,
            address,
        })
    }

    fn app(self) -> axum::Router {
        let limits = Limits::default()
            .with_max_request_body_size(MAX_REQUEST_BYTES)
            .with_max_message_size(MAX_REQUEST_BYTES);
        let deadlines = DeadlinePolicy::new().with_max(MAX_CALL_TIMEOUT);
        let services = ConnectRpcService::new(self.services)
            .with_limits(limits)
            .with_deadline_policy(deadlines);
        let guard = Arc::new(self.guard);
        let app = self.routes.fallback_service(services);
        let app = match self.serving.timed.clone() {
            Some(told) => app.layer(from_fn_with_state(told, time)),
            None => app,
        };
        let app = app.layer(Extension(self.serving));
        app.layer(from_fn_with_state(guard, guard::check))
    }
}

async fn time(State(told): State<Timed>, request: Request, next: Next) -> Response {
    let (path, began) = (request.uri().path().to_owned(), Instant::now());
    let answer = next.run(request).await;
    told(&path, began.elapsed());
    answer
}

/// A server that listens.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    app: axum::Router,
    /// Cancelled when it begins to stop.
    stopping: CancellationToken,
}

impl Bound {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What clients [connect](crate::connect) to.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves until `stop`; then lets calls under way end, for a while.
    pub async fn serve(self, stop: CancellationToken) -> io::Result<()> {
        let (stopped, stopping) = (stop.clone(), self.stopping);
        let serving = axum::serve(self.listener.tap_io(answer_at_once), self.app)
            .with_graceful_shutdown(async move {
                stopped.cancelled().await;
                stopping.cancel();
            });
        tokio::select! {
            ended = serving => ended,
            () = drained(stop) => {
                tracing::warn!(address = %self.address, "calls that did not end in time were dropped");
                Ok(())
            }
        }
    }
}

/// An answer is several small writes: without this each waits for the client to
/// acknowledge the one before, which it puts off for 40 ms.
fn answer_at_once(stream: &mut TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "answers of this connection may be late");
    }
}

async fn drained(stop: CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(DRAIN).await;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use axum::serve::Listener;

    use super::*;

    #[tokio::test]
    async fn connections_answer_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let _client = TcpStream::connect(address).await.unwrap();
        let mut listener = listener.tap_io(answer_at_once);
        let (accepted, _) = listener.accept().await;
        assert!(accepted.nodelay().unwrap());
    }
}
