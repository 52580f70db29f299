//! Proofs over separate processes.

#![allow(clippy::unwrap_used, clippy::panic)]

mod four_processes;
mod one_process;
mod wide_map;
