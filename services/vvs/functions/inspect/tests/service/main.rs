//! Whole requests: API, queue, workflow engine and host agent in one process, and the functions
//! as programs in their sandbox.

#![allow(clippy::unwrap_used, clippy::panic, clippy::result_large_err)]

mod requests;
mod world;
