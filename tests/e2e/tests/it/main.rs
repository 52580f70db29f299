//! Proofs over separate processes.

#![allow(clippy::unwrap_used, clippy::panic)]

mod one_process;
