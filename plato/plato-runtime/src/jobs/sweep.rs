//! Keys that nobody reads any more, found a few at a time; the loop deletes them.

use super::{Jobs, Outcome, Sweep};

/// Keys deleted together.
const CHUNK: usize = 1_000;

pub(super) async fn run(jobs: &Jobs, sweep: Sweep) {
    let shard = jobs.shard();
    let read = || jobs.shared.store.range(&shard, sweep.range.clone(), CHUNK);
    match jobs.read(read).await {
        Ok(entries) => {
            let through = entries.len() < CHUNK;
            let keys = entries.into_iter().map(|entry| entry.key).collect();
            jobs.tell(Outcome::Swept {
                sweep,
                keys,
                through,
            })
            .await;
        }
        Err(error) => tracing::error!(%error, "old rows cannot be found; they stay"),
    }
}
