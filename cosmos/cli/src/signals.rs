use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

#[expect(
    clippy::disallowed_methods,
    reason = "the second request to stop is for a process that does not end by itself"
)]
/// Canceled at the first SIGINT or SIGTERM from now on; the second ends the process at once.
/// Children see the end of their sockets and end too. Must be called on the runtime.
pub(crate) fn stop() -> CancellationToken {
    let stop = CancellationToken::new();
    let mut requests = match Requests::listen() {
        Ok(requests) => requests,
        Err(error) => {
            tracing::warn!(%error, "signals cannot be listened for");
            return stop;
        }
    };
    let canceled = stop.clone();
    tokio::spawn(async move {
        requests.next().await;
        canceled.cancel();
        requests.next().await;
        std::process::exit(errors::Class::Canceled.exit_status().into())
    });
    stop
}

/// Requests to stop.
struct Requests {
    interrupt: Signal,
    terminate: Signal,
}

impl Requests {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
