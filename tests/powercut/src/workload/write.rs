use std::io::Write;
use std::sync::Arc;

use anyhow::Context;
use store::{Batch, Fence, Store};
use tokio::task::JoinSet;

use super::facts::{Fact, LANES};
use super::{OWNER, SHARDS, TTL, WINDOW, body, body_key, counter_key, mark, mark_key, shard_of};

/// Commits until the store fails, and says each acknowledged act as a line.
pub async fn write(store: Arc<dyn Store>, seed: u64) -> anyhow::Result<()> {
    let mut lanes = JoinSet::new();
    for shard in SHARDS {
        let fence = store.acquire(shard, OWNER, TTL).await?;
        say(&Fact::Epoch {
            shard: shard.to_owned(),
            epoch: fence.epoch,
        })?;
        for lane in (0..LANES).filter(|lane| shard_of(*lane) == shard) {
            lanes.spawn(run(Arc::clone(&store), fence.clone(), seed, lane));
        }
    }
    while let Some(ended) = lanes.join_next().await {
        ended??;
    }
    Ok(())
}

async fn run(store: Arc<dyn Store>, fence: Fence, seed: u64, lane: u64) -> anyhow::Result<()> {
    let mut commit = last(&*store, lane).await?;
    loop {
        commit += 1;
        store.commit(&fence, batch(seed, lane, commit)).await?;
        say(&Fact::Commit { lane, commit })?;
    }
}

/// The newest commit of a lane.
pub(super) async fn last(store: &dyn Store, lane: u64) -> anyhow::Result<u64> {
    match store
        .get(shard_of(lane), counter_key(lane).as_bytes())
        .await?
    {
        Some(counter) => Ok(u64::from_be_bytes(
            counter[..].try_into().context("a counter")?,
        )),
        None => Ok(0),
    }
}

fn batch(seed: u64, lane: u64, commit: u64) -> Batch {
    let mut batch = Batch::new();
    batch.put(body_key(lane, commit), body(seed, lane, commit));
    batch.put(counter_key(lane), commit.to_be_bytes().to_vec());
    batch.put(mark_key(lane, commit), mark(seed, lane, commit));
    if let Some(old) = commit.checked_sub(WINDOW) {
        batch
            .delete(body_key(lane, old))
            .delete(mark_key(lane, old));
    }
    batch
}

/// One write, so that lines are whole also when the process is killed.
fn say(fact: &Fact) -> anyhow::Result<()> {
    let line = format!("{fact}\n");
    let mut output = std::io::stdout().lock();
    output.write_all(line.as_bytes())?;
    Ok(output.flush()?)
}
