//! `cosmos queue` against a server.

mod change;
mod follow;
mod look;
mod manage;
mod reach;
pub(crate) mod world;
