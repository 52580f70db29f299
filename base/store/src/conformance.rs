//! What every store must do, as tests that an adapter calls.
//!
//! Each property takes shards of its own, so that all of them can run on one
//! store. They fail by panicking, as tests do.
#![allow(clippy::unwrap_used)]

mod batches;
mod epochs;
mod limits;
mod model;
mod ranges;
mod snapshots;
mod walks;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::{Batch, Fence, Store};

/// How long an owner holds a shard where the time does not matter.
const LONG: Duration = Duration::from_secs(3_600);
/// How long an owner holds a shard that is to lapse.
const SHORT: Duration = Duration::from_millis(300);

/// An adapter under test.
#[async_trait]
pub trait Subject: Send {
    /// Opens the store; called again after the earlier handle was dropped, it
    /// opens the same one.
    async fn open(&mut self) -> Arc<dyn Store>;

    /// Returns when the store's own time has moved on by at least `by`.
    async fn pass(&mut self, by: Duration);
}

/// Checks every property.
pub async fn run(mut subject: impl Subject) {
    let store = subject.open().await;
    batches::check(&store).await;
    ranges::check(&store).await;
    snapshots::check(&store).await;
    walks::check(&store).await;
    limits::check(&store).await;
    model::check(&store).await;
    epochs::check(&store, &mut subject).await;
    drop(store);
    batches::outlive_the_process(&mut subject).await;
}

/// Takes a shard for the length of a test.
async fn owned(store: &Arc<dyn Store>, shard: &str) -> Fence {
    store.acquire(shard, "conformance", LONG).await.unwrap()
}

/// A batch that sets each key to its value.
fn puts<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Batch {
    let mut batch = Batch::new();
    for (key, value) in pairs {
        batch.put(key.to_owned(), value.to_owned());
    }
    batch
}
