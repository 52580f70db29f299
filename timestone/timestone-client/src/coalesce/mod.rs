//! Small calls made at the same time travel together.
//!
//! A call takes along whatever other tasks that can run now have to send, and goes. What comes
//! while [some calls](IN_FLIGHT) are on the way waits for the first of them to return and then travels
//! as one, so that many workers of one process cost the server, the network and the disk little
//! more than one. Nothing waits for a timer.

mod lane;
mod leases;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use timestone::{
    Clause, Completion, Counted, Failure, Filter, Found, LeaseToken, LeasedMessage, MessageKey,
    MessageView, NewMessage, QueueConfig, QueueCount, QueueView, Reschedule, Search,
};

use crate::{
    DequeueRequest, EventSearch, FoundEvents, MessageHistory, Outcomes, SubscribeRequest,
    Subscription, Timestone, TimestoneError, Watch, WatchRequest,
};
use lane::Lane;
use leases::Leases;

/// Calls of one kind that may be on the way at the same time: while one is stored, others are read
/// and answered.
const IN_FLIGHT: usize = 2;
/// The same of calls that end messages: an end is often stored together with what follows from
/// it, which takes longer.
const ENDS_IN_FLIGHT: usize = 4;

/// Messages of a call that goes alone and at once: there is little to gain by joining it with
/// others, and waiting for them costs more.
const LARGE: usize = 64;

/// A queue behind which concurrent calls are joined. Each still is answered for itself.
#[derive(Clone)]
pub struct Coalesced {
    to: Arc<dyn Timestone>,
    enqueue: Arc<Lane<NewMessage>>,
    complete: Arc<Lane<Completion>>,
    fail: Arc<Lane<Failure>>,
    /// For as long as their queues say.
    extend: Arc<Lane<LeaseToken>>,
    leases: Arc<Leases>,
}

impl Coalesced {
    /// Joins calls to `to`. They are made on the runtime of whoever calls.
    pub fn new(to: Arc<dyn Timestone>) -> Self {
        let [first, second, third, fourth] = [(); 4].map(|()| Arc::clone(&to));
        Self {
            enqueue: Lane::new(IN_FLIGHT, payload, move |batch| {
                let to = Arc::clone(&first);
                Box::pin(async move { to.enqueue(batch).await })
            }),
            complete: Lane::new(
                ENDS_IN_FLIGHT,
                |completion| payloads(&completion.then_enqueue),
                move |batch| {
                    let to = Arc::clone(&second);
                    Box::pin(async move { to.complete(batch).await })
                },
            ),
            fail: Lane::new(
                ENDS_IN_FLIGHT,
                |failure| failure.error.len() + payloads(&failure.then_enqueue),
                move |batch| {
                    let to = Arc::clone(&third);
                    Box::pin(async move { to.fail(batch).await })
                },
            ),
            extend: Lane::new(
                IN_FLIGHT,
                |_| 0,
                move |batch| {
                    let to = Arc::clone(&fourth);
                    Box::pin(async move { to.extend(batch, None).await })
                },
            ),
            leases: Arc::new(Leases::new(Arc::clone(&to))),
            to,
        }
    }
}

fn payload(message: &NewMessage) -> usize {
    message.payload.len()
}

fn payloads(messages: &[NewMessage]) -> usize {
    messages.iter().map(payload).sum()
}

#[async_trait]
impl Timestone for Coalesced {
    async fn put_queue(&self, queue: &str, config: QueueConfig) -> Result<(), TimestoneError> {
        self.to.put_queue(queue, config).await
    }

    async fn enqueue(&self, messages: Vec<NewMessage>) -> Result<Outcomes, TimestoneError> {
        match messages.len() < LARGE {
            true => self.enqueue.call(messages).await,
            false => self.to.enqueue(messages).await,
        }
    }

    async fn dequeue(&self, request: DequeueRequest) -> Result<Vec<LeasedMessage>, TimestoneError> {
        self.leases.dequeue(request).await
    }

    async fn complete(&self, completions: Vec<Completion>) -> Result<Outcomes, TimestoneError> {
        self.complete.call(completions).await
    }

    async fn fail(&self, failures: Vec<Failure>) -> Result<Outcomes, TimestoneError> {
        self.fail.call(failures).await
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

    async fn release(
        &self,
        tokens: Vec<LeaseToken>,
        refund: bool,
    ) -> Result<Outcomes, TimestoneError> {
        self.to.release(tokens, refund).await
    }

    async fn extend(
        &self,
        tokens: Vec<LeaseToken>,
        lease_ms: Option<u64>,
    ) -> Result<Outcomes, TimestoneError> {
        match lease_ms {
            None => self.extend.call(tokens).await,
            Some(_) => self.to.extend(tokens, lease_ms).await,
        }
    }

    async fn cancel(
        &self,
        messages: Vec<MessageKey>,
        reason: &str,
    ) -> Result<Outcomes, TimestoneError> {
        self.to.cancel(messages, reason).await
    }

    async fn get(&self, key: &MessageKey) -> Result<Option<MessageView>, TimestoneError> {
        self.to.get(key).await
    }

    async fn count(&self, queues: &[String]) -> Result<Vec<QueueCount>, TimestoneError> {
        self.to.count(queues).await
    }

    async fn watch(&self, request: WatchRequest) -> Result<Watch, TimestoneError> {
        self.to.watch(request).await
    }

    async fn history(&self, key: &MessageKey) -> Result<MessageHistory, TimestoneError> {
        self.to.history(key).await
    }

    async fn find_events(&self, search: EventSearch) -> Result<FoundEvents, TimestoneError> {
        self.to.find_events(search).await
    }
}

impl std::fmt::Debug for Coalesced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Coalesced").finish_non_exhaustive()
    }
}
