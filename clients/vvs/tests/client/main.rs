//! The generated client, over a real queue server, to a service that takes its requests.

#![allow(clippy::unwrap_used, clippy::panic, clippy::result_large_err)]

mod service;
mod site;

mod calls;
mod nodes;
