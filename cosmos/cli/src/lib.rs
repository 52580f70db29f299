//! The commands cosmos and ves.

pub mod cosmos;
mod logging;
mod signals;
pub mod ves;

/// The one asynchronous runtime of a command.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
}
