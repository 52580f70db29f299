//! Queues come, change and go, in all their shards.
//!
//! A queue is spread as its first shard says. The others are configured before that says so, and
//! forget before it does: until then nobody asks them. One change is made at a time.
//!
//! A server that is killed meanwhile leaves a change half done. Where the first shard does not say
//! yet that the queue is spread, what the others were told means nothing, and is forgotten by the
//! next change; where it still says so, the change can be made once more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use store::{Fence, Store, StoreError};
use timestone::{Outcome, QueueConfig, QueueCount, QueueView, Refusal, limits, shards_of, spread};
use timestone_client::TimestoneError;

use super::Router;

/// How long one change may take before another is made.
const TTL: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

/// Whose turn it is to change a queue in several shards.
#[derive(Clone, Debug)]
pub(in crate::fleet) struct Turn {
    store: Arc<dyn Store>,
    shard: String,
}

impl Turn {
    pub(in crate::fleet) fn new(store: Arc<dyn Store>, prefix: &str) -> Self {
        let shard = format!("{prefix}/change");
        Self { store, shard }
    }

    async fn take(&self) -> Result<Fence, TimestoneError> {
        let me = ids::time_ordered();
        loop {
            match self.store.acquire(&self.shard, &me, TTL).await {
                Ok(fence) => return Ok(fence),
                Err(StoreError::Owned { .. } | StoreError::Fenced { .. }) => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(why) => return Err(TimestoneError::Unavailable(why.to_string())),
            }
        }
    }

    /// Makes a change while nobody else makes one.
    async fn during<T>(
        &self,
        change: impl Future<Output = Result<T, TimestoneError>>,
    ) -> Result<T, TimestoneError> {
        let fence = self.take().await?;
        let changed = tokio::select! {
            changed = change => changed,
            lost = self.keep(&fence) => Err(TimestoneError::Unavailable(lost.to_string())),
        };
        // Else it lapses a little later.
        let _ = self.store.release(&fence).await;
        changed
    }

    /// Stays the one whose turn it is; why it is not any more.
    async fn keep(&self, fence: &Fence) -> StoreError {
        loop {
            tokio::time::sleep(TTL / 4).await;
            let renewed = self.store.renew(fence, TTL).await;
            // Another failure is tried again, and it lapses at worst.
            if let Err(error @ StoreError::Fenced { .. }) = renewed {
                return error;
            }
        }
    }
}

impl Router {
    /// A queue as its first shard sees it.
    pub(super) async fn home_view(&self, queue: &str) -> Result<Option<QueueView>, TimestoneError> {
        self.of(
            queue,
            |desk| async move { desk.timestone.queue(queue).await },
        )
        .await
    }

    pub(super) async fn put(&self, queue: &str, config: QueueConfig) -> Result<(), TimestoneError> {
        let wanted = spread(config.partitions, self.tables.shards);
        if wanted == 1 && self.learn(queue).await? == 1 {
            return self.put_at(self.shard_of(queue), queue, &config).await;
        }
        let put = self.turn.during(self.put_everywhere(queue, &config)).await;
        self.learn(queue).await?;
        put
    }

    async fn put_everywhere(
        &self,
        queue: &str,
        config: &QueueConfig,
    ) -> Result<(), TimestoneError> {
        let before = self.home_view(queue).await?.map(|view| view.config);
        let partitions = before.as_ref().map_or(1, |before| before.partitions);
        let home = self.shard_of(queue);
        if partitions > 1 && partitions != config.partitions {
            // It refuses that, and nothing has changed.
            return self.put_at(home, queue, config).await;
        }
        if partitions == 1 {
            self.forget_elsewhere(queue, config.partitions).await?;
        }
        let shards = shards_of(queue, config.partitions, self.tables.shards);
        let shards: Vec<_> = shards.skip(1).chain([home]).collect();
        for (done, shard) in shards.iter().enumerate() {
            if let Err(why) = self.put_at(*shard, queue, config).await {
                let done = &shards[..done];
                self.put_back(queue, before.filter(|_| partitions > 1), done)
                    .await;
                return Err(why);
            }
        }
        Ok(())
    }

    /// Has other shards forget a queue that lies in its first alone, but for those that know it as
    /// it is to be: what they were told was left half done.
    async fn forget_elsewhere(&self, queue: &str, partitions: u32) -> Result<(), TimestoneError> {
        let others = shards_of(queue, limits::MAX_PARTITIONS, self.tables.shards).skip(1);
        let forgets = others.map(|shard| async move {
            let view = self.at(
                shard,
                |desk| async move { desk.timestone.queue(queue).await },
            );
            match view.await? {
                Some(view) if view.config.partitions != partitions => {
                    self.delete_at(shard, queue, false).await?.map(drop)?;
                }
                _ => {}
            }
            Ok(())
        });
        try_join_all(forgets).await.map(drop)
    }

    /// Undoes what was done of a change that was refused, as far as that can be: who repeats the
    /// change, or makes another, makes all alike.
    async fn put_back(&self, queue: &str, before: Option<QueueConfig>, shards: &[u32]) {
        for shard in shards {
            let undone = match &before {
                Some(before) => self.put_at(*shard, queue, before).await,
                None => self.delete_at(*shard, queue, false).await.map(drop),
            };
            if let Err(why) = undone {
                tracing::warn!(queue, shard, %why, "a shard of a queue is configured otherwise");
            }
        }
    }

    async fn put_at(
        &self,
        shard: u32,
        queue: &str,
        config: &QueueConfig,
    ) -> Result<(), TimestoneError> {
        self.at(shard, |desk| {
            let config = config.clone();
            async move { desk.timestone.put_queue(queue, config).await }
        })
        .await
    }

    pub(super) async fn delete(
        &self,
        queue: &str,
        force: bool,
    ) -> Result<Result<Outcome, Refusal>, TimestoneError> {
        if self.learn(queue).await? == 1 {
            return self.delete_at(self.shard_of(queue), queue, force).await;
        }
        let deleted = self.turn.during(self.delete_everywhere(queue, force));
        let deleted = deleted.await;
        self.learn(queue).await?;
        deleted
    }

    async fn delete_everywhere(
        &self,
        queue: &str,
        force: bool,
    ) -> Result<Result<Outcome, Refusal>, TimestoneError> {
        let Some(view) = self.view(queue).await? else {
            return Ok(Ok(Outcome::Duplicate));
        };
        let count = &view.count;
        let depth = count.invisible + count.pending + count.running;
        if depth > 0 && !force {
            let queue = queue.to_owned();
            return Ok(Err(Refusal::QueueNotEmpty { queue, depth }));
        }
        let shards = shards_of(queue, view.config.partitions, self.tables.shards);
        let mut shards: Vec<_> = shards.collect();
        shards.reverse();
        let mut done = Vec::new();
        let mut outcome = Ok(Outcome::Duplicate);
        for shard in shards {
            outcome = self.delete_at(shard, queue, force).await?;
            if outcome.is_err() {
                self.put_back(queue, Some(view.config), &done).await;
                break;
            }
            done.push(shard);
        }
        Ok(outcome)
    }

    async fn delete_at(
        &self,
        shard: u32,
        queue: &str,
        force: bool,
    ) -> Result<Result<Outcome, Refusal>, TimestoneError> {
        let deleted = self.at(shard, |desk| async move {
            desk.timestone
                .delete_queues(vec![queue.to_owned()], force)
                .await
        });
        let none = || TimestoneError::Unavailable("a shard gave no outcome".into());
        deleted.await?.pop().ok_or_else(none)
    }

    /// A queue, with what all its shards hold.
    pub(super) async fn view(&self, queue: &str) -> Result<Option<QueueView>, TimestoneError> {
        let Some(mut view) = self.home_view(queue).await? else {
            return Ok(None);
        };
        let shards = shards_of(queue, view.config.partitions, self.tables.shards);
        let others = shards.skip(1).map(|shard| {
            self.at(
                shard,
                |desk| async move { desk.timestone.queue(queue).await },
            )
        });
        for other in try_join_all(others).await?.into_iter().flatten() {
            add(&mut view.count, &other.count);
            view.deleting |= other.deleting;
        }
        Ok(Some(view))
    }

    pub(super) async fn list(
        &self,
        prefix: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<QueueView>, TimestoneError> {
        let lists = self.shards().map(|shard| async move {
            let list = self.at(shard, |desk| async move {
                desk.timestone.list_queues(prefix, after, limit).await
            });
            Ok::<_, TimestoneError>((shard, list.await?))
        });
        let mut parts: BTreeMap<String, Vec<(u32, QueueView)>> = BTreeMap::new();
        for (shard, list) in try_join_all(lists).await? {
            for view in list {
                let parts = parts.entry(view.count.queue.clone()).or_default();
                parts.push((shard, view));
            }
        }
        let views = parts.into_iter();
        let views = views.filter_map(|(queue, parts)| join(parts, self.shard_of(&queue)));
        Ok(views.take(limit as usize).collect())
    }

    pub(super) async fn counts(
        &self,
        queues: &[String],
    ) -> Result<Vec<QueueCount>, TimestoneError> {
        let parts = match queues {
            [] => self.shards().map(|shard| (shard, Vec::new())).collect(),
            queues => {
                // Each counts once, however often it is asked for.
                let once: BTreeSet<_> = queues.iter().cloned().collect();
                let once: Vec<_> = once.into_iter().collect();
                self.learn_all(&once).await?;
                self.parts(&once)
            }
        };
        let counts = parts.iter().map(|(shard, queues)| {
            self.at(*shard, move |desk| async move {
                desk.timestone.count(queues).await
            })
        });
        let mut sums: BTreeMap<String, QueueCount> = BTreeMap::new();
        for count in try_join_all(counts).await?.into_iter().flatten() {
            let named = || QueueCount {
                queue: count.queue.clone(),
                ..QueueCount::default()
            };
            let sum = sums.entry(count.queue.clone()).or_insert_with(named);
            add(sum, &count);
        }
        Ok(match queues {
            [] => sums.into_values().collect(),
            queues => {
                let known = queues.iter().filter_map(|queue| sums.get(queue));
                known.cloned().collect()
            }
        })
    }
}

/// One queue of what its shards tell; nothing, unless its first shard knows it.
fn join(parts: Vec<(u32, QueueView)>, home: u32) -> Option<QueueView> {
    let (mut of_home, others): (Vec<_>, Vec<_>) =
        parts.into_iter().partition(|(shard, _)| *shard == home);
    let (_, mut view) = of_home.pop()?;
    for (_, other) in others {
        add(&mut view.count, &other.count);
        view.deleting |= other.deleting;
    }
    Some(view)
}

/// Adds what another shard holds of the same queue.
pub(super) fn add(count: &mut QueueCount, other: &QueueCount) {
    count.invisible += other.invisible;
    count.pending += other.pending;
    count.running += other.running;
    count.completed += other.completed;
    count.canceled += other.canceled;
    count.errored += other.errored;
}
