//! The shared store: PostgreSQL, shards fenced by epoch.
//!
//! Several processes share one database. Who owns a shard is a row with an epoch
//! and an end by the database's clock; its fence is another, with the epoch alone,
//! which changes with the owner. A commit is one statement that locks the fence,
//! compares the epoch and applies the batch, so that a change of owner and a
//! commit never overlap. Commits of one shard that wait at the same time share
//! one statement and one sync.

mod commit;
mod connect;
mod error;
mod owner;
mod read;
mod schema;
mod store;
#[cfg(feature = "testing")]
pub mod testing;

pub use store::PostgresStore;
