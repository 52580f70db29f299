//! The RPC server and client kit: gRPC and JSON on one port, token and host checks.

#![allow(
    clippy::result_large_err,
    reason = "refusals are rare, and say all there is to say"
)]

mod client;
mod error;
mod guard;
pub mod limits;
mod scrape;
mod server;
mod serving;
mod token;
mod transport;

pub use client::{Channel, connect};
pub use error::{refuse, refuse_one, told};
pub use scrape::metrics;
pub use server::{Bound, Server};
pub use serving::Serving;
pub use token::{Token, TokenError};
pub use transport::Transport;

/// Routes beside those of services.
pub use axum::Router as Routes;
/// What services are registered with.
pub use connectrpc::Router;
