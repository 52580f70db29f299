//! The storage interface under everything that remembers, its conformance suite and fakes.
//!
//! A store holds *shards*: named, ordered maps from key to value. Each shard has
//! at most one owner, known by an *epoch* that every commit checks, so a process
//! that was paused past its ownership cannot write. A commit is atomic and on
//! stable storage before it returns.

mod batch;
mod error;
mod spi;

pub mod limits;
mod ownership;

pub mod conformance;
mod fault;
mod memory;
mod random;

pub use batch::{Batch, Op};
pub use error::StoreError;
pub use fault::{Call, Fault, FaultStore};
pub use memory::MemoryStore;
pub use ownership::Ownership;
pub use spi::{Ahead, Entry, Fence, Held, KeyRange, Record, Snapshot, Store, Walk};
