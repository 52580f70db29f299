//! Over which shards queues are spread, as far as is known.
//!
//! The first shard of a queue knows; the others and whoever asks remember. Who believes what is
//! not so any more is refused, or told so by what it sees, and asks again.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::future::try_join_all;
use timestone::{MessageKey, shard_of_message, shards_of, spread};
use timestone_client::TimestoneError;
use tokio::time::Instant;

use super::{Desk, Router};

/// Queues in several shards that are remembered; more are asked for anew.
const MAX_KNOWN: usize = 100_000;

/// The partitions of queues that have several.
#[derive(Debug, Default)]
pub(super) struct Splits(Mutex<HashMap<String, u32>>);

impl Splits {
    pub(super) fn of(&self, queue: &str) -> u32 {
        self.known().get(queue).copied().unwrap_or(1)
    }

    fn learn(&self, queue: &str, partitions: u32) {
        let mut known = self.known();
        if partitions <= 1 {
            known.remove(queue);
            return;
        }
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(queue.to_owned(), partitions);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a call was refused because its caller does not know how a queue is spread.
pub(super) fn is_elsewhere(error: &TimestoneError) -> bool {
    matches!(error, TimestoneError::Refused(refusal) if refusal.code == "QUEUE_ELSEWHERE")
}

impl Router {
    /// Asks how a queue is spread.
    pub(super) async fn learn(&self, queue: &str) -> Result<u32, TimestoneError> {
        let view = self.home_view(queue).await?;
        let partitions = view.map_or(1, |view| view.config.partitions);
        let partitions = spread(partitions, self.tables.shards);
        self.splits.learn(queue, partitions);
        Ok(partitions)
    }

    pub(super) async fn learn_all(&self, queues: &[String]) -> Result<(), TimestoneError> {
        let learned = queues.iter().map(|queue| self.learn(queue));
        try_join_all(learned).await.map(drop)
    }

    /// The shards of a queue, as it is spread now.
    pub(super) async fn spread_of(&self, queue: &str) -> Result<Vec<u32>, TimestoneError> {
        let partitions = self.learn(queue).await?;
        Ok(shards_of(queue, partitions, self.tables.shards).collect())
    }

    /// The shards of a queue, as far as is known.
    pub(super) fn known_shards(&self, queue: &str) -> impl Iterator<Item = u32> + use<> {
        shards_of(queue, self.splits.of(queue), self.tables.shards)
    }

    /// The shard of a message, as far as is known.
    pub(super) fn shard_of_message(&self, queue: &str, id: &str) -> u32 {
        shard_of_message(queue, id, self.splits.of(queue), self.tables.shards)
    }

    /// Asks the shard of a message.
    pub(super) async fn of_message<T, F>(
        &self,
        key: &MessageKey,
        ask: impl Fn(Desk) -> F,
    ) -> Result<T, TimestoneError>
    where
        F: Future<Output = Result<T, TimestoneError>>,
    {
        let end = Instant::now() + self.patience;
        loop {
            let shard = self.shard_of_message(&key.queue, &key.id);
            match self.at(shard, &ask).await {
                Err(why) if is_elsewhere(&why) && Instant::now() < end => {
                    self.learn(&key.queue).await?;
                    tokio::time::sleep(super::FIRST_PAUSE).await;
                }
                answer => return answer,
            }
        }
    }
}
