//! Keys that nobody reads any more, found a few at a time; the loop deletes them.

use bytes::Bytes;

use super::{Jobs, Outcome, Sweep};
use crate::keys;

/// Keys deleted together.
const CHUNK: usize = 1_000;

pub(super) async fn run(jobs: &Jobs, sweep: Sweep) {
    let shard = jobs.shard();
    let read = || jobs.shared.store.range(&shard, sweep.range.clone(), CHUNK);
    match jobs.read(read).await {
        Ok(entries) => {
            let through = entries.len() < CHUNK;
            let keys = entries.into_iter().map(|entry| entry.key);
            jobs.tell(Outcome::Swept {
                sweep,
                keys: keys.flat_map(with_index).collect(),
                through,
            })
            .await;
        }
        Err(error) => tracing::error!(%error, "old rows cannot be found; they stay"),
    }
}

/// The key, and the one by which its invocation finds it.
fn with_index(key: Bytes) -> impl Iterator<Item = Bytes> {
    let index = keys::read_log(&key).map(|of| keys::log_of(&of.invocation()));
    index.into_iter().chain([key])
}
