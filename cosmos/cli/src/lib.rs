//! The commands cosmos and ves.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, to the person who reads it"
)]

mod colour;
pub mod cosmos;
mod explain;
mod logging;
mod output;
mod pages;
mod server;
mod signals;
mod stop;
mod table;
mod units;
pub mod ves;

/// The one asynchronous runtime of a command.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
}
