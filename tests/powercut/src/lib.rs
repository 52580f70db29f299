//! A file system that forgets what was not synced, and the proofs made with it.
//!
//! [`disk`] is a disk in memory that keeps what was synced apart from what was
//! not; [`Mount`] puts it under a directory and cuts its power after a chosen
//! number of changes; [`proof`] runs a store on it, cuts, and checks that every
//! acknowledged commit is there afterwards, whole and in order. Every choice
//! comes from a seed.

pub mod disk;
mod filesystem;
mod mount;
pub mod proof;
mod random;
pub mod workload;

pub use mount::{Behaviour, Mount, Watcher};
pub use random::Random;
