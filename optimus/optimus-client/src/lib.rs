//! The calling side of the API layer: requests over a service's queue, answers back.
//!
//! [`Calls`] is what a generated client stands on. It is for programs; the nodes of a
//! workflow hand their calls to the workflow engine, which survives what a program
//! does not.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

mod answer;
mod calls;
mod listener;
mod options;
mod post;

pub use calls::Calls;
pub use options::CallOptions;
