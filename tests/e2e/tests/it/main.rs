//! Proofs over separate processes.

#![allow(clippy::unwrap_used, clippy::panic)]

mod four_processes;
mod one_process;
mod probe;
mod server;
mod wide_map;
