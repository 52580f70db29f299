//! All queues, wherever they live: a call goes to the owner of its shard, here or elsewhere.
//!
//! Who does not own the shard any more says so, and whoever asked looks again who does. Every
//! call may be repeated, so that one whose answer was lost is simply made again. Queues may be
//! [spread over several shards](splits).

mod choice;
mod events;
mod found;
mod managed;
mod several;
mod splits;
mod subscribed;
mod watched;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clock::SharedClock;
use futures::StreamExt;
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
pub(super) use managed::Turn;
use several::Crowd;
use splits::{Splits, is_elsewhere};

/// How long a call is tried, beside the time that owners may be silent.
const PATIENCE: Duration = Duration::from_secs(4);
/// The pause before the second try.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// The longest pause between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// All queues of a fleet.
#[derive(Clone)]
pub struct Router {
    pub(super) served: Arc<Served>,
    pub(super) tables: Arc<Tables>,
    peers: Arc<Peers>,
    patience: Duration,
    splits: Arc<Splits>,
    turn: Turn,
    clock: SharedClock,
    crowd: Arc<Crowd>,
    turns: Arc<AtomicUsize>,
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
        turn: Turn,
        clock: SharedClock,
    ) -> Self {
        Self {
            served,
            tables,
            peers: Arc::new(peers),
            patience: ttl.min(PATIENCE) + PATIENCE,
            splits: Arc::default(),
            turn,
            clock,
            crowd: Arc::default(),
            turns: Arc::default(),
        }
    }

    /// The first shard of a queue.
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
        let mut pause = FIRST_PAUSE;
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

    /// A number that is another each time.
    fn next_turn(&self) -> usize {
        self.turns.fetch_add(1, Ordering::Relaxed)
    }

    /// Asks the first shard of a queue.
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
        key: impl Fn(&I) -> (&str, &str),
        ask: impl Fn(Desk, Vec<I>) -> F,
    ) -> Result<Outcomes, TimestoneError>
    where
        I: Clone,
        F: Future<Output = Result<Outcomes, TimestoneError>>,
    {
        let end = Instant::now() + self.patience;
        let mut left: Vec<_> = items.into_iter().enumerate().collect();
        let mut outcomes = BTreeMap::new();
        loop {
            let told = self.each_once(left, &key, &ask).await?;
            let (again, done): (Vec<_>, Vec<_>) = told.into_iter().partition(|(_, outcome)| {
                matches!(outcome, Err(Refusal::Elsewhere { .. })) && Instant::now() < end
            });
            let done = done
                .into_iter()
                .map(|((place, _), outcome)| (place, outcome));
            outcomes.extend(done);
            if again.is_empty() {
                return Ok(outcomes.into_values().collect());
            }
            left = again.into_iter().map(|(item, _)| item).collect();
            let queues: BTreeSet<_> = left
                .iter()
                .map(|(_, item)| key(item).0.to_owned())
                .collect();
            self.learn_all(&queues.into_iter().collect::<Vec<_>>())
                .await?;
            tokio::time::sleep(FIRST_PAUSE).await;
        }
    }

    async fn each_once<I, F>(
        &self,
        items: Vec<(usize, I)>,
        key: impl Fn(&I) -> (&str, &str),
        ask: impl Fn(Desk, Vec<I>) -> F,
    ) -> Result<Vec<((usize, I), Result<Outcome, Refusal>)>, TimestoneError>
    where
        I: Clone,
        F: Future<Output = Result<Outcomes, TimestoneError>>,
    {
        let mut parts: BTreeMap<u32, Vec<(usize, I)>> = BTreeMap::new();
        for (place, item) in items {
            let (queue, id) = key(&item);
            let part = parts.entry(self.shard_of_message(queue, id)).or_default();
            part.push((place, item));
        }
        let ask = &ask;
        let asked = parts.into_iter().map(|(shard, part)| async move {
            let items = || part.iter().map(|(_, item)| item.clone()).collect();
            let outcomes = self.at(shard, |desk| ask(desk, items())).await?;
            Ok::<_, TimestoneError>(part.into_iter().zip(outcomes))
        });
        Ok(try_join_all(asked).await?.into_iter().flatten().collect())
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
        self.learn(&queue).await?;
        let id = timestone::dead_letter_id(&home.queue, &home.id, view.deliveries);
        let letter = MessageKey { queue, id };
        let shard = self.shard_of_message(&letter.queue, &letter.id);
        if shard == self.shard_of_message(&home.queue, &home.id) {
            return Ok(None);
        }
        let recalled = self.at(shard, |desk| {
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
        let end = Instant::now() + self.patience;
        loop {
            let Some(shard) = self.only_shard(&request.queues) else {
                return self.dequeue_several(request, filter).await;
            };
            let leased = self.at(shard, |desk| {
                let (request, filter) = (request.clone(), filter.clone());
                async move {
                    match filter {
                        Some(filter) => desk.timestone.dequeue_matching(request, filter).await,
                        None => desk.timestone.dequeue(request).await,
                    }
                }
            });
            match leased.await {
                Err(why) if is_elsewhere(&why) && Instant::now() < end => {
                    self.learn_all(&request.queues).await?;
                }
                leased => return leased,
            }
        }
    }

    /// The shard that has all of these queues, and each of them whole, as far as is known.
    fn only_shard(&self, queues: &[String]) -> Option<u32> {
        match self.parts(queues).as_slice() {
            [] => Some(0),
            [(shard, _)] => Some(*shard),
            _ => None,
        }
    }

    /// Queues by shard.
    fn parts(&self, queues: &[String]) -> Vec<(u32, Vec<String>)> {
        let mut parts: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for queue in queues {
            for shard in self.known_shards(queue) {
                parts.entry(shard).or_default().push(queue.clone());
            }
        }
        parts.into_iter().collect()
    }
}

#[async_trait]
impl Timestone for Router {
    async fn put_queue(&self, queue: &str, config: QueueConfig) -> Result<(), TimestoneError> {
        self.put(queue, config).await
    }

    async fn queue(&self, queue: &str) -> Result<Option<QueueView>, TimestoneError> {
        self.view(queue).await
    }

    async fn list_queues(
        &self,
        prefix: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<QueueView>, TimestoneError> {
        self.list(prefix, after, limit).await
    }

    async fn delete_queues(
        &self,
        queues: Vec<String>,
        force: bool,
    ) -> Result<Outcomes, TimestoneError> {
        let deleted = queues.iter().map(|queue| self.delete(queue, force));
        try_join_all(deleted).await
    }

    async fn enqueue(&self, messages: Vec<NewMessage>) -> Result<Outcomes, TimestoneError> {
        self.each(
            messages,
            |message| (&message.queue, &message.id),
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
        let Some(shard) = self.only_shard(&request.queues) else {
            return self.subscribe_several(request).await;
        };
        let subscribed = self.at(shard, |desk| {
            let request = request.clone();
            async move { desk.timestone.subscribe(request).await }
        });
        match subscribed.await {
            Err(why) if is_elsewhere(&why) => {
                self.learn_all(&request.queues).await?;
                self.subscribe_several(request).await
            }
            subscribed => Ok(subscribed?.map(resubscribe).boxed()),
        }
    }

    async fn complete(&self, completions: Vec<Completion>) -> Result<Outcomes, TimestoneError> {
        self.each(
            completions,
            |completion| of(&completion.token.key),
            |desk, completions| async move { desk.timestone.complete(completions).await },
        )
        .await
    }

    async fn fail(&self, failures: Vec<Failure>) -> Result<Outcomes, TimestoneError> {
        self.each(
            failures,
            |failure| of(&failure.token.key),
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
            |token| of(&token.key),
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
            |token| of(&token.key),
            |desk, tokens| async move { desk.timestone.extend(tokens, lease_ms).await },
        )
        .await
    }

    async fn cancel(
        &self,
        messages: Vec<MessageKey>,
        reason: &str,
    ) -> Result<Outcomes, TimestoneError> {
        self.each(messages, of, |desk, keys| async move {
            desk.timestone.cancel(keys, reason).await
        })
        .await
    }

    async fn reschedule(&self, schedules: Vec<Reschedule>) -> Result<Outcomes, TimestoneError> {
        self.each(
            schedules,
            |schedule| of(&schedule.key),
            |desk, schedules| async move { desk.timestone.reschedule(schedules).await },
        )
        .await
    }

    async fn redrive(
        &self,
        messages: Vec<MessageKey>,
        attempts: Option<u32>,
    ) -> Result<Outcomes, TimestoneError> {
        let redriven = self.each(messages, of, |desk, keys| async move {
            desk.timestone.redrive(keys, attempts).await
        });
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
        self.find_in_all(search).await
    }

    async fn count_matching(
        &self,
        queue: &str,
        filter: &Filter,
        cursor: Bytes,
    ) -> Result<Counted, TimestoneError> {
        self.count_in_all(queue, filter, cursor).await
    }

    async fn get(&self, key: &MessageKey) -> Result<Option<MessageView>, TimestoneError> {
        self.of_message(key, |desk| async move { desk.timestone.get(key).await })
            .await
    }

    async fn count(&self, queues: &[String]) -> Result<Vec<QueueCount>, TimestoneError> {
        self.counts(queues).await
    }

    async fn watch(&self, request: WatchRequest) -> Result<Watch, TimestoneError> {
        watched::watch(self.clone(), request).await
    }

    async fn history(&self, key: &MessageKey) -> Result<MessageHistory, TimestoneError> {
        self.learn(&key.queue).await?;
        let shard = self.shard_of_message(&key.queue, &key.id);
        self.at(
            shard,
            |desk| async move { desk.timestone.history(key).await },
        )
        .await
    }

    async fn find_events(&self, search: EventSearch) -> Result<FoundEvents, TimestoneError> {
        let shards = match &search.queue {
            Some(queue) => self.spread_of(queue).await?,
            None => self.shards().collect(),
        };
        match shards.as_slice() {
            [shard] => {
                self.at(*shard, |desk| {
                    let search = search.clone();
                    async move { desk.timestone.find_events(search).await }
                })
                .await
            }
            _ => self.find_events_in(&shards, search).await,
        }
    }
}

/// Where a message is looked for.
fn of(key: &MessageKey) -> (&str, &str) {
    (&key.queue, &key.id)
}

/// Who is subscribed to a queue that is spread over more shards now subscribes again.
fn resubscribe(
    sent: Result<Vec<LeasedMessage>, TimestoneError>,
) -> Result<Vec<LeasedMessage>, TimestoneError> {
    sent.map_err(|why| match is_elsewhere(&why) {
        true => TimestoneError::Unavailable(why.to_string()),
        false => why,
    })
}
