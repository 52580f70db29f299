//! All queues, wherever they live: a call goes to the owner of its shard, here or elsewhere.
//!
//! Who does not own the shard any more says so, and whoever asked looks again who does. Every
//! call may be repeated, so that one whose answer was lost is simply made again.

mod events;
mod several;
mod subscribed;
mod watched;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::{join_all, try_join_all};
use timestone::{
    Clause, Completion, Counted, DeadLetter, Errand, Failure, Filter, Found, LeaseToken,
    LeasedMessage, MessageKey, MessageView, NewMessage, Outcome, QueueConfig, QueueCount,
    QueueView, Refusal, Reschedule, Search, shard_of,
};
use timestone_client::{
    DequeueRequest, EventSearch, FoundEvents, MessageHistory, Outcomes, SubscribeRequest,
    Subscription, Timestone, TimestoneError, Watch, WatchRequest,
};
use tokio::time::Instant;

use super::peers::{Desk, Peers};
use super::served::Served;
use super::table::{Tables, address_of};

/// How long a call is tried, beside the time that owners may be silent.
const PATIENCE: Duration = Duration::from_secs(4);
/// The longest pause between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// All queues of a fleet.
#[derive(Clone)]
pub struct Router {
    pub(super) served: Arc<Served>,
    pub(super) tables: Arc<Tables>,
    peers: Arc<Peers>,
    patience: Duration,
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router")
            .field("served", &self.served.numbers())
            .finish_non_exhaustive()
    }
}

impl Router {
    pub(super) fn new(
        served: Arc<Served>,
        tables: Arc<Tables>,
        peers: Peers,
        ttl: Duration,
    ) -> Self {
        Self {
            served,
            tables,
            peers: Arc::new(peers),
            patience: ttl.min(PATIENCE) + PATIENCE,
        }
    }

    fn shard_of(&self, queue: &str) -> u32 {
        shard_of(queue, self.tables.shards)
    }

    fn shards(&self) -> std::ops::Range<u32> {
        0..self.tables.shards
    }

    /// Where a shard is asked at the moment.
    fn desk(&self, shard: u32) -> Result<Desk, TimestoneError> {
        if let Some(local) = self.served.find(shard) {
            return Ok(local.into());
        }
        let nobody = || TimestoneError::Unavailable(format!("nobody owns shard {shard}"));
        let owner = self.tables.owner(shard).ok_or_else(nobody)?;
        self.peers.desk(address_of(&owner), shard)
    }

    /// Asks a shard, wherever it goes meanwhile.
    async fn at<T, F>(&self, shard: u32, ask: impl Fn(Desk) -> F) -> Result<T, TimestoneError>
    where
        F: Future<Output = Result<T, TimestoneError>>,
    {
        let end = Instant::now() + self.patience;
        let mut pause = Duration::from_millis(5);
        loop {
            let mut tables = self.tables.watch();
            tables.mark_unchanged();
            let answer = match self.desk(shard) {
                Ok(desk) => ask(desk).await,
                Err(nobody) => Err(nobody),
            };
            match answer {
                Err(TimestoneError::Unavailable(why)) if Instant::now() < end => {
                    tracing::debug!(shard, %why, "a shard of the queues is looked for");
                    self.tables.want();
                    // An error tells that the fleet is gone; then time alone ends this.
                    let _ = tokio::time::timeout(pause, tables.changed()).await;
                    pause = (pause * 2).min(PAUSE);
                }
                answer => return answer,
            }
        }
    }

    /// Asks the shard of a queue.
    async fn of<T, F>(&self, queue: &str, ask: impl Fn(Desk) -> F) -> Result<T, TimestoneError>
    where
        F: Future<Output = Result<T, TimestoneError>>,
    {
        self.at(self.shard_of(queue), ask).await
    }

    /// Asks every shard for the items that are its own; one outcome per item, in order.
    async fn each<I, F>(
        &self,
        items: Vec<I>,
        queue: impl Fn(&I) -> &str,
        ask: impl Fn(Desk, Vec<I>) -> F,
    ) -> Result<Outcomes, TimestoneError>
    where
        I: Clone,
        F: Future<Output = Result<Outcomes, TimestoneError>>,
    {
        let mut parts: BTreeMap<u32, (Vec<usize>, Vec<I>)> = BTreeMap::new();
        for (index, item) in items.into_iter().enumerate() {
            let part = parts.entry(self.shard_of(queue(&item))).or_default();
            part.0.push(index);
            part.1.push(item);
        }
        let ask = &ask;
        let asked = parts
            .into_iter()
            .map(|(shard, (places, items))| async move {
                let outcomes = self.at(shard, |desk| ask(desk, items.clone())).await?;
                Ok::<_, TimestoneError>(places.into_iter().zip(outcomes))
            });
        let mut outcomes: Vec<_> = try_join_all(asked).await?.into_iter().flatten().collect();
        outcomes.sort_by_key(|(place, _)| *place);
        Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
    }

    /// Has another shard do what one of this server means for it.
    pub(super) async fn receive(
        &self,
        shard: u32,
        errands: Vec<Errand>,
    ) -> Result<Outcomes, TimestoneError> {
        self.at(shard, |desk| {
            let errands = errands.clone();
            async move { desk.shard.receive(errands).await }
        })
        .await
    }

    /// Puts a message back whose payload lies in the dead-letter queue of another shard.
    async fn recall(
        &self,
        home: &MessageKey,
        attempts: Option<u32>,
    ) -> Result<Option<Result<Outcome, Refusal>>, TimestoneError> {
        let queue = self.queue(&home.queue).await?;
        let policy = queue.and_then(|queue| queue.config.dead_letter);
        let (Some(policy), Some(view)) = (policy, self.get(home).await?) else {
            return Ok(None);
        };
        let DeadLetter { queue, copy: _ } = policy;
        if self.shard_of(&queue) == self.shard_of(&home.queue) {
            return Ok(None);
        }
        let id = timestone::dead_letter_id(&home.queue, &home.id, view.deliveries);
        let letter = MessageKey { queue, id };
        let recalled = self.of(&letter.queue, |desk| {
            let (letter, home) = (letter.clone(), home.clone());
            async move { desk.shard.recall(letter, home, attempts).await }
        });
        recalled.await.map(Some)
    }

    async fn lease(
        &self,
        request: DequeueRequest,
        filter: Option<Clause>,
    ) -> Result<Vec<LeasedMessage>, TimestoneError> {
        let parts = self.parts(&request.queues);
        match parts.as_slice() {
            [] | [_] => {
                let queue = request.queues.first().cloned().unwrap_or_default();
                self.of(&queue, |desk| {
                    let (request, filter) = (request.clone(), filter.clone());
                    async move {
                        match filter {
                            Some(filter) => desk.timestone.dequeue_matching(request, filter).await,
                            None => desk.timestone.dequeue(request).await,
                        }
                    }
                })
                .await
            }
            _ => self.dequeue_several(parts, request, filter).await,
        }
    }

    /// Queues by shard.
    fn parts(&self, queues: &[String]) -> Vec<(u32, Vec<String>)> {
        let mut parts: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for queue in queues {
            let part = parts.entry(self.shard_of(queue)).or_default();
            part.push(queue.clone());
        }
        parts.into_iter().collect()
    }
}

#[async_trait]
impl Timestone for Router {
    async fn put_queue(&self, queue: &str, config: QueueConfig) -> Result<(), TimestoneError> {
        self.of(queue, |desk| {
            let config = config.clone();
            async move { desk.timestone.put_queue(queue, config).await }
        })
        .await
    }

    async fn queue(&self, queue: &str) -> Result<Option<QueueView>, TimestoneError> {
        self.of(
            queue,
            |desk| async move { desk.timestone.queue(queue).await },
        )
        .await
    }

    async fn list_queues(
        &self,
        prefix: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<QueueView>, TimestoneError> {
        let lists = self.shards().map(|shard| {
            self.at(shard, |desk| async move {
                desk.timestone.list_queues(prefix, after, limit).await
            })
        });
        let mut views: Vec<_> = try_join_all(lists).await?.into_iter().flatten().collect();
        views.sort_by(|a, b| a.count.queue.cmp(&b.count.queue));
        views.truncate(limit as usize);
        Ok(views)
    }

    async fn delete_queues(
        &self,
        queues: Vec<String>,
        force: bool,
    ) -> Result<Outcomes, TimestoneError> {
        self.each(
            queues,
            |queue| queue,
            |desk, queues| async move { desk.timestone.delete_queues(queues, force).await },
        )
        .await
    }

    async fn enqueue(&self, messages: Vec<NewMessage>) -> Result<Outcomes, TimestoneError> {
        self.each(
            messages,
            |message| &message.queue,
            |desk, messages| async move { desk.timestone.enqueue(messages).await },
        )
        .await
    }

    async fn dequeue(&self, request: DequeueRequest) -> Result<Vec<LeasedMessage>, TimestoneError> {
        self.lease(request, None).await
    }

    async fn dequeue_matching(
        &self,
        request: DequeueRequest,
        filter: Clause,
    ) -> Result<Vec<LeasedMessage>, TimestoneError> {
        self.lease(request, Some(filter)).await
    }

    async fn subscribe(&self, request: SubscribeRequest) -> Result<Subscription, TimestoneError> {
        let parts = self.parts(&request.queues);
        match parts.as_slice() {
            [] | [_] => {
                let queue = request.queues.first().cloned().unwrap_or_default();
                self.of(&queue, |desk| {
                    let request = request.clone();
                    async move { desk.timestone.subscribe(request).await }
                })
                .await
            }
            _ => self.subscribe_several(parts, request).await,
        }
    }

    async fn complete(&self, completions: Vec<Completion>) -> Result<Outcomes, TimestoneError> {
        self.each(
            completions,
            |completion| &completion.token.key.queue,
            |desk, completions| async move { desk.timestone.complete(completions).await },
        )
        .await
    }

    async fn fail(&self, failures: Vec<Failure>) -> Result<Outcomes, TimestoneError> {
        self.each(
            failures,
            |failure| &failure.token.key.queue,
            |desk, failures| async move { desk.timestone.fail(failures).await },
        )
        .await
    }

    async fn release(
        &self,
        tokens: Vec<LeaseToken>,
        refund: bool,
    ) -> Result<Outcomes, TimestoneError> {
        self.each(
            tokens,
            |token| &token.key.queue,
            |desk, tokens| async move { desk.timestone.release(tokens, refund).await },
        )
        .await
    }

    async fn extend(
        &self,
        tokens: Vec<LeaseToken>,
        lease_ms: Option<u64>,
    ) -> Result<Outcomes, TimestoneError> {
        self.each(
            tokens,
            |token| &token.key.queue,
            |desk, tokens| async move { desk.timestone.extend(tokens, lease_ms).await },
        )
        .await
    }

    async fn cancel(
        &self,
        messages: Vec<MessageKey>,
        reason: &str,
    ) -> Result<Outcomes, TimestoneError> {
        self.each(
            messages,
            |key| &key.queue,
            |desk, keys| async move { desk.timestone.cancel(keys, reason).await },
        )
        .await
    }

    async fn reschedule(&self, schedules: Vec<Reschedule>) -> Result<Outcomes, TimestoneError> {
        self.each(
            schedules,
            |schedule| &schedule.key.queue,
            |desk, schedules| async move { desk.timestone.reschedule(schedules).await },
        )
        .await
    }

    async fn redrive(
        &self,
        messages: Vec<MessageKey>,
        attempts: Option<u32>,
    ) -> Result<Outcomes, TimestoneError> {
        let redriven = self.each(
            messages,
            |key| &key.queue,
            |desk, keys| async move { desk.timestone.redrive(keys, attempts).await },
        );
        let outcomes = redriven.await?.into_iter().map(|outcome| async move {
            match &outcome {
                Err(Refusal::PayloadGone(home)) => {
                    let recalled = self.recall(home, attempts).await?;
                    Ok(recalled.unwrap_or(outcome))
                }
                _ => Ok(outcome),
            }
        });
        join_all(outcomes).await.into_iter().collect()
    }

    async fn find(&self, search: Search) -> Result<Found, TimestoneError> {
        self.of(&search.queue, |desk| {
            let search = search.clone();
            async move { desk.timestone.find(search).await }
        })
        .await
    }

    async fn count_matching(
        &self,
        queue: &str,
        filter: &Filter,
        cursor: Bytes,
    ) -> Result<Counted, TimestoneError> {
        self.of(queue, |desk| {
            let cursor = cursor.clone();
            async move { desk.timestone.count_matching(queue, filter, cursor).await }
        })
        .await
    }

    async fn get(&self, key: &MessageKey) -> Result<Option<MessageView>, TimestoneError> {
        self.of(
            &key.queue,
            |desk| async move { desk.timestone.get(key).await },
        )
        .await
    }

    async fn count(&self, queues: &[String]) -> Result<Vec<QueueCount>, TimestoneError> {
        let parts = match queues {
            [] => self.shards().map(|shard| (shard, Vec::new())).collect(),
            queues => self.parts(queues),
        };
        let counts = parts.iter().map(|(shard, queues)| {
            self.at(*shard, move |desk| async move {
                desk.timestone.count(queues).await
            })
        });
        let counts = try_join_all(counts).await?.into_iter().flatten();
        let mut counts: Vec<_> = counts.collect();
        match queues {
            [] => counts.sort_by(|a, b| a.queue.cmp(&b.queue)),
            queues => {
                let known: BTreeMap<_, _> = counts
                    .drain(..)
                    .map(|count| (count.queue.clone(), count))
                    .collect();
                counts = queues
                    .iter()
                    .filter_map(|queue| known.get(queue).cloned())
                    .collect();
            }
        }
        Ok(counts)
    }

    async fn watch(&self, request: WatchRequest) -> Result<Watch, TimestoneError> {
        watched::watch(self.clone(), request).await
    }

    async fn history(&self, key: &MessageKey) -> Result<MessageHistory, TimestoneError> {
        self.of(&key.queue, |desk| async move {
            desk.timestone.history(key).await
        })
        .await
    }

    async fn find_events(&self, search: EventSearch) -> Result<FoundEvents, TimestoneError> {
        match search.queue.clone() {
            Some(queue) => {
                self.of(&queue, |desk| {
                    let search = search.clone();
                    async move { desk.timestone.find_events(search).await }
                })
                .await
            }
            None => self.find_events_everywhere(search).await,
        }
    }
}
