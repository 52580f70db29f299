//! The commands cosmos, ves and vvs.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, to the person who reads it"
)]

mod chart;
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
pub mod vvs;

/// The one asynchronous runtime of a command.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers())
        .enable_all()
        .build()
}

/// Half the processors: stores and encoders have threads and processes of their own, and small
/// tasks that wake one another across threads cost more than they do (on two processors a lease
/// and its completion cost the queue's server 24 us with one thread and 36 us with two).
fn workers() -> usize {
    let processors = std::thread::available_parallelism();
    processors.map_or(1, |processors| processors.get().div_ceil(2))
}
