use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

#[expect(
    clippy::disallowed_methods,
    reason = "the second request to stop is for a process that does not end by itself"
)]
/// Canceled at the first SIGINT or SIGTERM; the second ends the process at once.
/// Children see the end of their sockets and end too.
pub(crate) fn stop() -> CancellationToken {
    let stop = CancellationToken::new();
    let canceled = stop.clone();
    let listening = async move {
        asked().await?;
        canceled.cancel();
        asked().await?;
        std::process::exit(errors::Class::Canceled.exit_status().into())
    };
    tokio::spawn(async move {
        let ended: std::io::Result<()> = listening.await;
        if let Err(error) = ended {
            tracing::warn!(%error, "signals cannot be listened for");
        }
    });
    stop
}

async fn asked() -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
