use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use store::{Fence, StoreError};
use timestone::{Delivery, Event, Payloads, Queues};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::batch::Batch;
use super::nonces::Nonces;
use super::shard::{Owned, Shard, StoreTime};
use super::waiters::Waiters;
use super::{Inbox, Request, Undo, Untaken};
use crate::seen::Feed;

/// Records that may wait for a commit before time is allowed to change more.
const MAX_CHANGES: usize = 8_192;

type Flight<T> = Option<Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>>;

/// Why an owner no longer serves.
pub(crate) enum Stopped {
    Asked,
    Lost(StoreError),
}

/// An owner at work.
pub(crate) struct Serving {
    shard: Shard,
    pub(super) fence: Fence,
    pub(super) time: StoreTime,
    pub(super) queues: Queues,
    pub(super) waiters: Waiters,
    pub(super) nonces: Nonces,
    pub(super) undo: mpsc::Sender<Undo>,
    /// Applied, not yet on its way to the store.
    pub(super) batch: Batch,
    /// On its way to the store.
    committing: Batch,
    /// What is true once that is stored.
    happening: (Vec<Event>, u64),
    /// When that began, and how many records it is.
    begun: (Instant, usize),
    feed: Arc<Feed>,
    /// Queues of whose messages somebody was told, and when others are.
    pub(super) reminders: BTreeMap<String, i64>,
    commit: Flight<Payloads>,
    renewal: Flight<()>,
    renew_at: i64,
    /// Until when nobody else can own the shard, and if the renewal under way succeeds.
    owned_until: (i64, i64),
}

impl Serving {
    pub(crate) fn new(owned: Owned, undo: mpsc::Sender<Undo>, feed: Arc<Feed>) -> Self {
        let Owned {
            shard,
            fence,
            mut queues,
            time,
            until,
        } = owned;
        feed.see(&mut queues);
        let mut serving = Self {
            renew_at: time.now(),
            shard,
            fence,
            time,
            queues,
            undo,
            waiters: Waiters::default(),
            nonces: Nonces::default(),
            batch: Batch::default(),
            committing: Batch::default(),
            happening: (Vec::new(), 0),
            begun: (Instant::now(), 0),
            feed,
            reminders: BTreeMap::new(),
            owned_until: (until, until),
            commit: None,
            renewal: None,
        };
        serving.renew_later(3);
        serving
    }

    /// Serves until asked to stop or the shard is lost. Calls that were not
    /// stored by then are dropped.
    pub(crate) async fn run(mut self, inbox: &mut Inbox, stop: &CancellationToken) -> Stopped {
        loop {
            self.wake_if_due();
            self.serve_waiters();
            self.start_commit();
            let (open, room, wake_at) = (self.batch.is_open(), self.has_room(), self.wake_at());
            let step = tokio::select! {
                biased;
                () = stop.cancelled() => return self.finish().await,
                stored = landing(&mut self.commit) => self.committed(stored),
                renewed = landing(&mut self.renewal) => self.renewed(renewed),
                Some(undo) = inbox.undos.recv() => self.undo(undo),
                request = inbox.requests.recv(), if open => match request {
                    Some(request) => self.apply_all(request, inbox),
                    None => return self.finish().await,
                },
                () = self.time.sleep_until(wake_at), if room => Ok(()),
            };
            if let Err(why) = step {
                return Stopped::Lost(why);
            }
        }
    }

    /// Applies a call and all others that have arrived.
    fn apply_all(&mut self, first: Request, inbox: &mut Inbox) -> Result<(), StoreError> {
        self.queues.at(self.time.now());
        let mut next = Some(first);
        while let Some(request) = next {
            self.apply(request);
            next = match self.batch.is_open() {
                true => inbox.requests.try_recv().ok(),
                false => None,
            };
        }
        Ok(())
    }

    fn apply(&mut self, request: Request) {
        match request {
            Request::Apply { apply, bytes } => {
                let reply = apply(&mut self.queues);
                self.batch.add(reply, bytes);
            }
            Request::Dequeue(waiter) => self.dequeue(waiter),
            Request::Take(taking) => self.take(taking),
            Request::Subscribe {
                subscriber,
                accepted,
            } => self.subscribe(subscriber, accepted),
        }
    }

    fn undo(&mut self, undo: Undo) -> Result<(), StoreError> {
        match undo.what {
            _ if undo.epoch != self.fence.epoch => {}
            Untaken::Answer(session, request, answer) => {
                self.queues.undo_dequeue(&session, &request, answer);
            }
            // One that is refused has ended by itself.
            Untaken::Leases(tokens) => tokens
                .iter()
                .for_each(|token| drop(self.queues.release(token, true))),
        }
        Ok(())
    }

    /// Stores what has changed, one commit at a time.
    fn start_commit(&mut self) {
        if self.commit.is_some() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        let events = (self.queues.take_events(), self.queues.next_event());
        self.queues.observe(self.feed.is_wanted());
        self.feed.waiting(self.waiters.len());
        if self.queues.is_settled() && (batch.is_empty() || self.is_owned()) {
            self.feed.publish(events.0, events.1);
            return batch.answer(&self.queues.nothing_read());
        }
        self.begun = (Instant::now(), self.queues.changes());
        let changed = self.queues.take_commit();
        let (shard, fence) = (self.shard.clone(), self.fence.clone());
        // A commit finds out by itself whether another owns the shard by now; what is only
        // read would not.
        let ask = self.begun.1 == 0 && !self.is_owned();
        self.commit = Some(Box::pin(async move {
            if ask {
                shard.clone().renew(fence.clone()).await?;
            }
            shard.commit(fence, changed).await
        }));
        self.committing = batch;
        self.happening = events;
    }

    /// Whether nobody else can own the shard.
    fn is_owned(&self) -> bool {
        self.time.now() < self.owned_until.0
    }

    fn committed(&mut self, stored: Result<Payloads, StoreError>) -> Result<(), StoreError> {
        self.commit = None;
        let batch = std::mem::take(&mut self.committing);
        let (events, next) = std::mem::take(&mut self.happening);
        let read = stored?;
        let (begun, records) = self.begun;
        self.feed.committed(begun.elapsed(), records);
        self.queues.stored();
        self.feed.publish(events, next);
        self.feed.wait_errands(&self.queues);
        batch.answer(&read);
        Ok(())
    }

    /// When time alone demands something: Unix milliseconds of the store.
    fn wake_at(&self) -> i64 {
        let renewal = self.renewal.is_none().then_some(self.renew_at);
        let reminder = self.reminders.values().min().copied();
        let times = [
            self.queues.next_timer(),
            self.waiters.next_end(),
            renewal,
            reminder,
        ];
        times.into_iter().flatten().min().unwrap_or(i64::MAX)
    }

    /// Whether time may change more before the next commit.
    pub(super) fn has_room(&self) -> bool {
        self.queues.changes() < MAX_CHANGES
    }

    /// Does what is due; a flood of calls does not keep it from happening.
    fn wake_if_due(&mut self) {
        let now = self.time.now();
        if !self.has_room() || now < self.wake_at() {
            return;
        }
        self.queues.tick(now);
        self.serve_waiters();
        self.remind(now);
        while let Some(waiter) = self.waiters.pop_ended(now) {
            self.grant(waiter, Ok(Delivery::default()));
        }
        if self.renewal.is_none() && now >= self.renew_at {
            self.owned_until.1 = self.shard.owned_from(now);
            let renewal = self.shard.clone().renew(self.fence.clone());
            self.renewal = Some(Box::pin(renewal));
        }
    }

    fn renewed(&mut self, renewed: Result<(), StoreError>) -> Result<(), StoreError> {
        self.renewal = None;
        match renewed {
            Ok(()) => {
                self.owned_until.0 = self.owned_until.1;
                self.renew_later(3);
                Ok(())
            }
            // Commits tell whether the shard was really lost meanwhile.
            Err(why) if why.is_retryable() => {
                tracing::warn!(shard = self.shard.name(), %why, "the queue's shard was not renewed");
                self.renew_later(10);
                Ok(())
            }
            Err(why) => Err(why),
        }
    }

    /// Renews after this part of the time allowed.
    fn renew_later(&mut self, part: u32) {
        let wait = self.shard.ttl() / part;
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        self.renew_at = self.time.now().saturating_add_unsigned(wait);
    }

    /// Stores what was applied, answers it, and gives the shard up.
    async fn finish(mut self) -> Stopped {
        while self.commit.is_some() || !self.batch.is_empty() {
            self.start_commit();
            if self.commit.is_none() {
                continue;
            }
            let stored = landing(&mut self.commit).await;
            if let Err(why) = self.committed(stored) {
                tracing::warn!(shard = self.shard.name(), %why, "the last calls were not stored");
                break;
            }
        }
        self.shard.release(&self.fence).await;
        Stopped::Asked
    }
}

/// The result of what is under way; never, when nothing is.
async fn landing<T>(flight: &mut Flight<T>) -> Result<T, StoreError> {
    match flight {
        Some(flight) => flight.await,
        None => std::future::pending().await,
    }
}
