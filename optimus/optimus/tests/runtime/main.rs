//! The API layer over real queues: its promises through kills, faults and races.

#![allow(clippy::unwrap_used, clippy::panic, clippy::result_large_err)]

mod echo;
mod plato;
mod role;
mod world;

mod calls;
mod cancel;
mod faults;
mod keys;
mod lifecycle;
mod owners;
mod reading;
