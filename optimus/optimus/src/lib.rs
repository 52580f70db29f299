//! The API kit: accepted requests, their views, waiting, watching and cancelling.
//!
//! A service describes itself by [`Service`]; [`OptimusRuntime::start`] gives it a
//! request store, a way into the workflow layer and a way back, and a
//! [`Requests`] handle for its RPC methods and for use in process. A request is on
//! stable storage before it is answered; what follows from it is told to the
//! workflow layer by messages with derived ids, so it is told once.
//!
//! Other roles make requests over the service's queue of calls; what becomes of them
//! is told to the queue that they name, in the same way.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

mod limits;

mod caller;
pub mod request;
mod service;
mod versions;
mod view;

mod core;
mod keys;
mod outbox;
mod record;
mod tombstones;
mod wire;

mod commands;
mod consumer;
mod draft;
mod error;
mod finisher;
mod intake;
mod life;
mod owner;
mod records;
mod relay;
mod settlement;
mod teller;
mod views;

mod requests;
mod runtime;

pub use caller::Caller;
pub use limits::{MAX_PAGE_SIZE, MAX_WAIT};
pub use requests::{Listing, Page, Requests};
pub use runtime::{Config, OptimusRuntime};
pub use service::{Checked, Ended, Service};
pub use versions::{Installed, Pins, Versions};
pub use view::{Stage, StageState, State, View};
