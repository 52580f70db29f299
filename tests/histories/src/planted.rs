//! Queues with one mistake each, to see that it is found.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use clock::SharedClock;
use store::Store;
use timestone::{
    Clause, Completion, Counted, Failure, Filter, Found, LeaseToken, LeasedMessage, MessageKey,
    MessageView, NewMessage, Outcome, QueueConfig, QueueCount, QueueView, Refusal, Reschedule,
    Search,
};
use timestone_client::{
    DequeueRequest, Outcomes, SubscribeRequest, Subscription, Timestone, TimestoneError,
};
use timestone_server::{LocalTimestone, OwnerOptions};

use crate::hasty::Hasty;
use crate::record::KEY;
use crate::unfenced::Unfenced;

/// One mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Mistake {
    /// Says that a message was added, and adds none.
    LosesMessages,
    /// Gives a message to a second worker while the first works on it.
    LeasesTwice,
    /// Gives the least urgent first.
    LeastUrgentFirst,
    /// Lets a worker end what it no longer holds.
    TakesStaleTokens,
    /// Says that a message was completed, and leaves it.
    ForgetsCompletions,
    /// Says that there is nothing where there is something.
    HidesMessages,
    /// Lets messages of one value run at the same time.
    SharesValues,
    /// Says of what was done before that it has done it now.
    ForgetsWhatWasDone,
    /// Says that something is stored which is not yet: a crash undoes it.
    AcknowledgesEarly,
    /// Writes though another server owns the queue by now. Shows where there are several.
    IgnoresFences,
}

impl Mistake {
    /// Those that show wherever there is a queue.
    pub const ALL: [Self; 9] = [
        Self::LosesMessages,
        Self::LeasesTwice,
        Self::LeastUrgentFirst,
        Self::TakesStaleTokens,
        Self::ForgetsCompletions,
        Self::HidesMessages,
        Self::SharesValues,
        Self::ForgetsWhatWasDone,
        Self::AcknowledgesEarly,
    ];
}

/// A queue over `store` with this mistake, or none.
pub fn start(
    store: Arc<dyn Store>,
    clock: SharedClock,
    options: OwnerOptions,
    mistake: Option<Mistake>,
) -> Arc<dyn Timestone> {
    let store = self::store(store, Arc::clone(&clock), mistake);
    let timestone = Arc::new(LocalTimestone::start(store, clock, options));
    match mistake {
        Some(mistake) => Arc::new(Planted::new(timestone, mistake)),
        None => timestone,
    }
}

/// A store with this mistake, or none.
pub fn store(
    store: Arc<dyn Store>,
    clock: SharedClock,
    mistake: Option<Mistake>,
) -> Arc<dyn Store> {
    match mistake {
        Some(Mistake::AcknowledgesEarly) => Arc::new(Hasty::new(store, clock)),
        Some(Mistake::IgnoresFences) => Arc::new(Unfenced::new(store)),
        _ => store,
    }
}

/// Makes its mistake in every third call that allows it.
pub struct Planted {
    to: Arc<dyn Timestone>,
    mistake: Mistake,
    chances: AtomicU32,
    given: Mutex<Option<LeasedMessage>>,
}

impl Planted {
    pub fn new(to: Arc<dyn Timestone>, mistake: Mistake) -> Self {
        Self {
            to,
            mistake,
            chances: AtomicU32::new(0),
            given: Mutex::default(),
        }
    }

    fn errs(&self, mistake: Mistake) -> bool {
        self.mistake == mistake && self.chances.fetch_add(1, Ordering::SeqCst) % 3 == 2
    }

    fn given(&self) -> std::sync::MutexGuard<'_, Option<LeasedMessage>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn done<T>(items: &[T]) -> Result<Outcomes, TimestoneError> {
    Ok(items.iter().map(|_| Ok(Outcome::Done)).collect())
}

fn first_time(outcome: Result<Outcome, Refusal>) -> Result<Outcome, Refusal> {
    outcome.map(|_| Outcome::Done)
}

#[async_trait]
impl Timestone for Planted {
    async fn enqueue(&self, mut messages: Vec<NewMessage>) -> Result<Outcomes, TimestoneError> {
        if self.errs(Mistake::LosesMessages) {
            return done(&messages);
        }
        for message in &mut messages {
            match self.mistake {
                Mistake::LeastUrgentFirst => message.priority = -message.priority,
                Mistake::SharesValues => {
                    message.metadata.insert(KEY.into(), message.id.clone());
                }
                _ => {}
            }
        }
        let outcomes = self.to.enqueue(messages).await?;
        match self.mistake {
            Mistake::ForgetsWhatWasDone => Ok(outcomes.into_iter().map(first_time).collect()),
            _ => Ok(outcomes),
        }
    }

    async fn dequeue(&self, request: DequeueRequest) -> Result<Vec<LeasedMessage>, TimestoneError> {
        if self.errs(Mistake::HidesMessages) {
            return Ok(Vec::new());
        }
        if self.errs(Mistake::LeasesTwice) {
            let given = self.given().clone();
            return Ok(given.into_iter().collect());
        }
        let leased = self.to.dequeue(request).await?;
        self.given().clone_from(&leased.first().cloned());
        Ok(leased)
    }

    async fn complete(&self, completions: Vec<Completion>) -> Result<Outcomes, TimestoneError> {
        if self.errs(Mistake::ForgetsCompletions) {
            return done(&completions);
        }
        let outcomes = self.to.complete(completions).await?;
        match self.mistake {
            Mistake::TakesStaleTokens => done(&outcomes),
            _ => Ok(outcomes),
        }
    }

    async fn put_queue(&self, queue: &str, config: QueueConfig) -> Result<(), TimestoneError> {
        self.to.put_queue(queue, config).await
    }
    async fn queue(&self, queue: &str) -> Result<Option<QueueView>, TimestoneError> {
        self.to.queue(queue).await
    }

    async fn list_queues(
        &self,
        prefix: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<QueueView>, TimestoneError> {
        self.to.list_queues(prefix, after, limit).await
    }

    async fn delete_queues(
        &self,
        queues: Vec<String>,
        force: bool,
    ) -> Result<Outcomes, TimestoneError> {
        self.to.delete_queues(queues, force).await
    }

    async fn dequeue_matching(
        &self,
        request: DequeueRequest,
        filter: Clause,
    ) -> Result<Vec<LeasedMessage>, TimestoneError> {
        self.to.dequeue_matching(request, filter).await
    }

    async fn subscribe(&self, request: SubscribeRequest) -> Result<Subscription, TimestoneError> {
        self.to.subscribe(request).await
    }

    async fn reschedule(&self, schedules: Vec<Reschedule>) -> Result<Outcomes, TimestoneError> {
        self.to.reschedule(schedules).await
    }

    async fn redrive(
        &self,
        messages: Vec<MessageKey>,
        attempts: Option<u32>,
    ) -> Result<Outcomes, TimestoneError> {
        self.to.redrive(messages, attempts).await
    }

    async fn find(&self, search: Search) -> Result<Found, TimestoneError> {
        self.to.find(search).await
    }

    async fn count_matching(
        &self,
        queue: &str,
        filter: &Filter,
        cursor: Bytes,
    ) -> Result<Counted, TimestoneError> {
        self.to.count_matching(queue, filter, cursor).await
    }

    async fn fail(&self, failures: Vec<Failure>) -> Result<Outcomes, TimestoneError> {
        self.to.fail(failures).await
    }
    async fn release(&self, tokens: Vec<LeaseToken>, r: bool) -> Result<Outcomes, TimestoneError> {
        self.to.release(tokens, r).await
    }
    async fn extend(
        &self,
        tokens: Vec<LeaseToken>,
        ms: Option<u64>,
    ) -> Result<Outcomes, TimestoneError> {
        self.to.extend(tokens, ms).await
    }
    async fn cancel(&self, keys: Vec<MessageKey>, why: &str) -> Result<Outcomes, TimestoneError> {
        self.to.cancel(keys, why).await
    }
    async fn get(&self, key: &MessageKey) -> Result<Option<MessageView>, TimestoneError> {
        self.to.get(key).await
    }
    async fn count(&self, queues: &[String]) -> Result<Vec<QueueCount>, TimestoneError> {
        self.to.count(queues).await
    }
}
