//! Standard output, and who reads it.

use std::io::{ErrorKind, Write};

use errors::Error;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::spawn_blocking;

use super::Failure;

/// Writes the bytes, and returns when they have left.
pub(super) async fn write(bytes: Vec<u8>) -> Result<(), Failure> {
    let write = move || {
        let mut out = std::io::stdout().lock();
        out.write_all(&bytes).and_then(|()| out.flush())
    };
    let written = spawn_blocking(write).await;
    let written = written.unwrap_or_else(|stopped| Err(std::io::Error::other(stopped)));
    written.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::ReaderGone,
        _ => unwritten(&error).into(),
    })
}

/// Lets go of standard output, so that whoever reads it sees the end while this process goes on.
pub(super) fn close() {
    // Where that cannot be, they see it when this process ends.
    if let Ok(nothing) = std::fs::File::options().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(&nothing);
    }
}

fn unwritten(error: &std::io::Error) -> Error {
    let message = format!("standard output cannot be written: {error}");
    Error::platform("IO", message).hint("see that there is room where it goes")
}

#[expect(
    deprecated,
    reason = "what replaces it is unsafe: standard output is open as long as it is registered"
)]
/// Returns when nobody reads standard output any more, where that can be seen: of a pipe.
pub(super) async fn reader_gone() {
    if let Ok(pipe) = AsyncFd::with_interest(std::io::stdout(), Interest::ERROR)
        && pipe.ready(Interest::ERROR).await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}
