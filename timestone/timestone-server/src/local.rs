use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use clock::SharedClock;
use futures::stream;
use store::Store;
use timestone::{
    Clause, Completion, Counted, Demand, Errand, Failure, Filter, Found, LeaseToken, LeasedMessage,
    MessageKey, MessageView, NewMessage, Outcome, Payloads, QueueConfig, QueueCount, QueueView,
    Queues, Refusal, Reschedule, Search, Sight, Stats, limits,
};
use timestone_client::{
    CallRefusal, DequeueRequest, EventSearch, FoundEvents, Look, MessageHistory, Outcomes, Shard,
    SubscribeRequest, Subscription, Take, Timestone, TimestoneError, Watch, WatchRequest,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::calls::{self, unavailable};
use crate::owner::{
    Granted, Inbox, Looker, Owner, OwnerOptions, Request, Subscriber, Taker, Taking, Waiter,
};
use crate::seen::{self, Feed, History};

/// Answers that a subscriber may leave unread beside those it holds leases for.
const MAX_UNREAD: usize = 16;
/// Payloads of errands that travel together, in bytes.
const MAX_ERRAND_BYTES: usize = 4 << 20;
/// Calls that may wait for the owner's attention.
const MAX_CALLS: usize = 1_024;

/// The queue in this process, over a store.
///
/// Owns its shard until it is [shut down](Self::shutdown) or dropped, takes it
/// back when it was lost, and answers [`TimestoneError::Unavailable`] meanwhile.
#[derive(Debug)]
pub struct LocalTimestone {
    requests: mpsc::Sender<Request>,
    stop: CancellationToken,
    feed: Arc<Feed>,
    owner: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

impl LocalTimestone {
    /// Starts an owner on the current runtime.
    pub fn start(store: Arc<dyn Store>, clock: SharedClock, options: OwnerOptions) -> Self {
        let (requests, incoming) = mpsc::channel(MAX_CALLS);
        let (undo, undos) = mpsc::channel(MAX_CALLS);
        let stop = CancellationToken::new();
        let inbox = Inbox {
            requests: incoming,
            undos,
        };
        let history = options.history.clone().map(|history| {
            let clock = Arc::clone(&clock);
            History::start(history, clock, &options.shard, &options.owner)
        });
        let feed = Arc::new(Feed::new(history, options.metrics.clone()));
        let owner = Owner::new(store, clock, options, inbox, undo, stop.clone());
        let owner = owner.telling(Arc::clone(&feed));
        Self {
            requests,
            stop,
            feed,
            owner: tokio::sync::Mutex::new(Some(tokio::spawn(owner.run()))),
        }
    }

    /// Stores and answers what was accepted, then gives the shard up, so that
    /// another process can take it without waiting.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        if let Some(owner) = self.owner.lock().await.take() {
            // An owner that panicked has nothing left to finish.
            let _ = owner.await;
        }
        if let Some(history) = self.feed.history() {
            history.shutdown().await;
        }
    }

    /// What is known of each of at most so many queues, and of all others together;
    /// nothing, unless [metrics](OwnerOptions::metrics) are kept.
    pub async fn stats(&self, limit: usize) -> Result<Stats, TimestoneError> {
        self.call(0, move |queues| queues.stats(limit)).await
    }

    /// Whether it serves no more, as it was shut down or its shard is another's.
    pub(crate) fn is_over(&self) -> bool {
        self.requests.is_closed()
    }

    /// Returns when it serves no more.
    pub(crate) async fn over(&self) {
        self.requests.closed().await;
    }

    /// Returns when there may be errands for other shards.
    pub(crate) async fn errands_wait(&self) {
        self.feed.errands().await;
    }

    /// The shards that errands wait for.
    pub(crate) async fn errands_for(&self) -> Result<BTreeSet<u32>, TimestoneError> {
        self.call(0, |queues| queues.errands_for()).await
    }

    /// How many errands wait for other shards.
    pub async fn errands_len(&self) -> Result<usize, TimestoneError> {
        self.call(0, |queues| queues.errands_len()).await
    }

    /// The next errands for a shard, by number.
    pub(crate) async fn errands(&self, shard: u32) -> Result<Vec<(u64, Errand)>, TimestoneError> {
        let errands = move |queues: &mut Queues| {
            let waiting = queues.errands(shard, limits::MAX_THEN_ENQUEUE, MAX_ERRAND_BYTES);
            let filled =
                |errand: timestone::Waiting, read: &Payloads| (errand.number, errand.filled(read));
            move |read: &Payloads| {
                let waiting = waiting.into_iter();
                waiting.map(|errand| filled(errand, read)).collect()
            }
        };
        self.ask(0, errands).await
    }

    /// Forgets errands that were received.
    pub(crate) async fn errands_done(
        &self,
        shard: u32,
        numbers: Vec<u64>,
    ) -> Result<(), TimestoneError> {
        let done = move |queues: &mut Queues| queues.errands_done(shard, &numbers);
        self.call(0, done).await
    }

    /// Events that [history](OwnerOptions::history) lacks.
    pub fn missed_events(&self) -> u64 {
        self.feed.history().map_or(0, History::missed)
    }

    fn kept_history(&self) -> Result<&History, TimestoneError> {
        self.feed.history().ok_or_else(|| {
            TimestoneError::Refused(CallRefusal {
                code: "NO_HISTORY".into(),
                problem: "this server keeps no history; set timestone.history.days in its \
                          configuration"
                    .into(),
            })
        })
    }

    /// Runs `act` on the queues and answers when what it changed is stored.
    async fn call<T: Send + 'static>(
        &self,
        bytes: usize,
        act: impl FnOnce(&mut Queues) -> T + Send + 'static,
    ) -> Result<T, TimestoneError> {
        let act = |queues: &mut Queues| {
            let result = act(queues);
            |_: &Payloads| result
        };
        self.ask(bytes, act).await
    }

    /// Runs `act` on the queues, and what it gives on the payloads that were read
    /// for it when what it changed is stored; answers with that.
    async fn ask<T: Send + 'static, F: FnOnce(&Payloads) -> T + Send + 'static>(
        &self,
        bytes: usize,
        act: impl FnOnce(&mut Queues) -> F + Send + 'static,
    ) -> Result<T, TimestoneError> {
        refuse_over("payload bytes", bytes, limits::MAX_CALL_BYTES)?;
        calls::ask(&self.requests, bytes, act).await
    }

    /// Runs `act` on each item of a batch.
    async fn each<I: Send + 'static>(
        &self,
        items: Vec<I>,
        bytes: usize,
        act: impl Fn(&mut Queues, I) -> Result<Outcome, Refusal> + Send + 'static,
    ) -> Result<Outcomes, TimestoneError> {
        refuse_over("items", items.len(), limits::MAX_BATCH)?;
        self.call(bytes, move |queues| {
            let items = items.into_iter();
            items.map(|item| act(queues, item)).collect()
        })
        .await
    }

    async fn lease(
        &self,
        request: DequeueRequest,
        filter: Option<Clause>,
    ) -> Result<Vec<LeasedMessage>, TimestoneError> {
        let (answer, granted) = oneshot::channel();
        let waiter = Waiter {
            wait_ms: request.wait_ms.min(limits::MAX_WAIT_MS),
            demand: demand(request, filter),
            taker: Taker::Call(answer),
        };
        self.send(Request::Dequeue(waiter)).await?;
        let granted = granted.await.map_err(|_| unavailable())?;
        granted.map(|granted| granted.claim())
    }

    async fn send(&self, request: Request) -> Result<(), TimestoneError> {
        let sent = self.requests.send(request).await;
        sent.map_err(|_| unavailable())
    }
}

impl Drop for LocalTimestone {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn demand(request: DequeueRequest, filter: Option<Clause>) -> Demand {
    Demand {
        queues: request.queues,
        max: request.max,
        lease_ms: request.lease_ms,
        filter,
        session: request.session,
        request_id: request.request_id,
    }
}

fn refuse_over(what: &str, n: usize, max: usize) -> Result<(), TimestoneError> {
    match n <= max {
        true => Ok(()),
        false => Err(TimestoneError::Refused(CallRefusal::from(format!(
            "{n} {what} in one call; at most {max}"
        )))),
    }
}

fn payload_bytes<'a>(messages: impl IntoIterator<Item = &'a NewMessage>) -> usize {
    let messages = messages.into_iter();
    messages.map(|message| message.payload.len()).sum()
}

#[async_trait]
impl Timestone for LocalTimestone {
    async fn put_queue(&self, queue: &str, config: QueueConfig) -> Result<(), TimestoneError> {
        let queue = queue.to_owned();
        let put = self.call(0, move |queues| queues.put_queue(&queue, config));
        put.await?.map_err(TimestoneError::from)
    }

    async fn queue(&self, queue: &str) -> Result<Option<QueueView>, TimestoneError> {
        let queue = queue.to_owned();
        self.call(0, move |queues| queues.queue(&queue)).await
    }

    async fn list_queues(
        &self,
        prefix: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<QueueView>, TimestoneError> {
        let (prefix, after) = (prefix.to_owned(), after.to_owned());
        let list = self.call(0, move |queues| queues.list(&prefix, &after, limit));
        list.await?.map_err(TimestoneError::from)
    }

    async fn delete_queues(
        &self,
        queues: Vec<String>,
        force: bool,
    ) -> Result<Outcomes, TimestoneError> {
        self.each(queues, 0, move |queues, queue| {
            queues.delete_queue(&queue, force)
        })
        .await
    }

    async fn enqueue(&self, messages: Vec<NewMessage>) -> Result<Outcomes, TimestoneError> {
        let bytes = payload_bytes(&messages);
        self.each(messages, bytes, Queues::enqueue).await
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
        let room = request.credit.min(limits::MAX_BATCH as u32) as usize + MAX_UNREAD;
        let (sender, messages) = mpsc::channel(room);
        let (accepted, answer) = oneshot::channel();
        let subscriber = Waiter {
            wait_ms: 0,
            demand: Demand {
                queues: request.queues,
                max: request.credit,
                lease_ms: request.lease_ms,
                filter: request.filter,
                session: request.session,
                request_id: request.subscription_id,
            },
            taker: Taker::Subscriber(Subscriber {
                messages: sender,
                ahead: request.ahead,
            }),
        };
        let request = Request::Subscribe {
            subscriber,
            accepted,
        };
        self.send(request).await?;
        answer.await.map_err(|_| unavailable())??;
        Ok(Box::pin(stream::unfold(messages, |mut messages| async {
            let next = messages.recv().await?;
            Some((next.map(Granted::claim), messages))
        })))
    }

    async fn complete(&self, completions: Vec<Completion>) -> Result<Outcomes, TimestoneError> {
        let bytes = payload_bytes(completions.iter().flat_map(|item| &item.then_enqueue));
        self.each(completions, bytes, Queues::complete).await
    }

    async fn fail(&self, failures: Vec<Failure>) -> Result<Outcomes, TimestoneError> {
        let bytes = payload_bytes(failures.iter().flat_map(|item| &item.then_enqueue));
        self.each(failures, bytes, Queues::fail).await
    }

    async fn release(
        &self,
        tokens: Vec<LeaseToken>,
        refund: bool,
    ) -> Result<Outcomes, TimestoneError> {
        self.each(tokens, 0, move |queues, token| {
            queues.release(&token, refund)
        })
        .await
    }

    async fn extend(
        &self,
        tokens: Vec<LeaseToken>,
        lease_ms: Option<u64>,
    ) -> Result<Outcomes, TimestoneError> {
        self.each(tokens, 0, move |queues, token| {
            queues.extend(&token, lease_ms)
        })
        .await
    }

    async fn cancel(
        &self,
        messages: Vec<MessageKey>,
        reason: &str,
    ) -> Result<Outcomes, TimestoneError> {
        let reason = reason.to_owned();
        self.each(messages, 0, move |queues, key| queues.cancel(&key, &reason))
            .await
    }

    async fn reschedule(&self, schedules: Vec<Reschedule>) -> Result<Outcomes, TimestoneError> {
        self.each(schedules, 0, |queues, schedule| {
            queues.reschedule(&schedule)
        })
        .await
    }

    async fn redrive(
        &self,
        messages: Vec<MessageKey>,
        attempts: Option<u32>,
    ) -> Result<Outcomes, TimestoneError> {
        self.each(messages, 0, move |queues, key| {
            queues.redrive(&key, attempts)
        })
        .await
    }

    async fn find(&self, search: Search) -> Result<Found, TimestoneError> {
        let find = self.call(0, move |queues| queues.find(&search));
        find.await?.map_err(TimestoneError::from)
    }

    async fn count_matching(
        &self,
        queue: &str,
        filter: &Filter,
        cursor: Bytes,
    ) -> Result<Counted, TimestoneError> {
        let (queue, filter) = (queue.to_owned(), filter.clone());
        let count = self.call(0, move |queues| {
            queues.count_found(&queue, &filter, &cursor)
        });
        count.await?.map_err(TimestoneError::from)
    }

    async fn get(&self, key: &MessageKey) -> Result<Option<MessageView>, TimestoneError> {
        let key = key.clone();
        let get = move |queues: &mut Queues| {
            let shown = queues.read(&key);
            |read: &Payloads| shown.map(|shown| shown.map(|shown| shown.filled(read)))
        };
        self.ask(0, get).await?.map_err(TimestoneError::from)
    }

    async fn count(&self, queues: &[String]) -> Result<Vec<QueueCount>, TimestoneError> {
        refuse_over("queues", queues.len(), limits::MAX_BATCH)?;
        let names = queues.to_vec();
        self.call(0, move |queues| queues.count(&names)).await
    }

    async fn watch(&self, request: WatchRequest) -> Result<Watch, TimestoneError> {
        let (requests, events) = (self.requests.clone(), self.feed.watch());
        seen::watch(requests, events, request, self.stop.clone()).await
    }

    async fn history(&self, key: &MessageKey) -> Result<MessageHistory, TimestoneError> {
        self.kept_history()?.of(key).await
    }

    async fn find_events(&self, search: EventSearch) -> Result<FoundEvents, TimestoneError> {
        self.kept_history()?.find(&search).await
    }
}

#[async_trait]
impl Shard for LocalTimestone {
    async fn look(&self, look: Look) -> Result<Sight, TimestoneError> {
        let (answer, sight) = oneshot::channel();
        let waiter = Waiter {
            wait_ms: look.request.wait_ms.min(limits::MAX_WAIT_MS),
            demand: demand(look.request, look.filter),
            taker: Taker::Looker(Looker {
                held: look.held,
                full: look.full,
                answer,
            }),
        };
        self.send(Request::Dequeue(waiter)).await?;
        sight.await.map_err(|_| unavailable())?
    }

    async fn take(&self, take: Take) -> Result<Vec<LeasedMessage>, TimestoneError> {
        let (answer, taken) = oneshot::channel();
        let taking = Taking {
            demand: demand(take.request, take.filter),
            taken: take.taken,
            answer,
        };
        self.send(Request::Take(taking)).await?;
        taken.await.map_err(|_| unavailable())?
    }

    async fn receive(&self, errands: Vec<Errand>) -> Result<Outcomes, TimestoneError> {
        let bytes = payload_bytes(errands.iter().map(|errand| &errand.message));
        self.each(errands, bytes, Queues::receive).await
    }

    async fn recall(
        &self,
        letter: MessageKey,
        home: MessageKey,
        attempts: Option<u32>,
    ) -> Result<Result<Outcome, Refusal>, TimestoneError> {
        let recall = move |queues: &mut Queues| queues.recall(&letter, &home, attempts);
        self.call(0, recall).await
    }
}
