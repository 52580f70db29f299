//! The agent with a real queue, a real blob store, and functions that are shell scripts.
#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub)]

mod containers;
mod containment;
mod death;
mod functions;
mod leases;
mod streams;
mod support;
