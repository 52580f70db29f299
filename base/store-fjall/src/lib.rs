//! The embedded store: fjall with group commit.
//!
//! One thread writes. It takes every commit that waits, applies them as one
//! batch with one sync, and answers all of them. A small commit to a store that is idle,
//! and whose disk is quick, is made by whoever asks for it. A process owns the directory
//! alone while the store is open, so whoever owned a shard in an earlier process
//! is dead and its shards are free at once; epochs still count on.
//!
//! A store lives in one directory: `db` holds the engine's files; `db.new`
//! exists only while a store is being created and is removed at the next start.

mod directory;
mod error;
mod keys;
mod options;
mod places;
mod reader;
mod store;
mod torn;
mod writer;

pub use options::Options;
pub use store::FjallStore;
