use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use store::{Ahead, Fence, StoreError};
use timestone::{Delivery, Event, Payloads, Queues};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::batch::Batch;
use super::nonces::Nonces;
use super::shard::{Landed, Owned, Shard, StoreTime};
use super::waiters::Waiters;
use super::{Inbox, Request, Undo, Untaken};
use crate::seen::Feed;

/// Records that may wait for a commit before time is allowed to change more.
const MAX_CHANGES: usize = 8_192;
/// How long a commit that has its place waits for what follows from it: milliseconds.
const AHEAD_MS: i64 = 2;

type Flight<T> = Option<Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>>;

/// Why an owner no longer serves.
pub(crate) enum Stopped {
    Asked,
    Lost(StoreError),
}

/// A commit that will be stored.
struct Placed {
    stored: Ahead,
    effects: Effects,
}

/// What is let out once a commit is stored.
#[derive(Default)]
struct Effects {
    answers: Batch,
    happened: Vec<Event>,
    /// The number of the event after them.
    next_event: u64,
    /// When the commit began, and how many records it is.
    begun: Option<(Instant, usize)>,
    /// Which of the commits it is.
    number: u64,
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
    /// On its way to a place in the store.
    committing: Effects,
    /// Have their place there.
    placed: VecDeque<Placed>,
    /// Until when the last of these waits for company, if it does.
    sync_at: i64,
    feed: Arc<Feed>,
    /// Queues of whose messages somebody was told, and when others are.
    pub(super) reminders: BTreeMap<String, i64>,
    commit: Flight<Landed>,
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
            committing: Effects::default(),
            placed: VecDeque::new(),
            sync_at: i64::MAX,
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
                stored = first_of(&mut self.placed) => self.placed_is_stored(stored),
                landed = landing(&mut self.commit) => self.landed(landed),
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

    /// Stores what has changed. One commit at a time gets its place; while those that have one
    /// are being stored, the next may get its own.
    fn start_commit(&mut self) {
        if self.commit.is_some() || self.waits_for_company() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        let (happened, next_event) = (self.queues.take_events(), self.queues.next_event());
        self.queues.observe(self.feed.is_wanted());
        self.feed.waiting(self.waiters.len());
        let settled = self.queues.is_settled() && (batch.is_empty() || self.is_owned());
        if settled && self.placed.is_empty() {
            self.feed.publish(happened, next_event);
            return batch.answer(&self.queues.nothing_read());
        }
        if settled && self.sync_at == i64::MAX {
            return self.answer_with_the_last(batch, happened, next_event);
        }
        let begun = (Instant::now(), self.queues.changes());
        let changed = self.queues.take_commit();
        let (shard, fence) = (self.shard.clone(), self.fence.clone());
        // A commit finds out by itself whether another owns the shard by now; what is only
        // read would not.
        let ask = changed.writes.is_empty() && !self.is_owned();
        let (unstored, ahead) = (!self.placed.is_empty(), batch.has_ahead());
        self.commit = Some(Box::pin(async move {
            if ask {
                shard.clone().renew(fence.clone()).await?;
            }
            match changed.reads.keys().is_empty() {
                true => shard.place(fence, changed, ahead).await,
                false => shard.commit(fence, changed, unstored).await,
            }
        }));
        self.committing = Effects {
            answers: batch,
            happened,
            next_event,
            begun: Some(begun),
            number: self.queues.commits(),
        };
    }

    /// What changes nothing is answered when all that has its place is stored.
    fn answer_with_the_last(&mut self, batch: Batch, happened: Vec<Event>, next_event: u64) {
        if let Some(Placed { effects, .. }) = self.placed.back_mut() {
            effects.answers.append(batch);
            effects.happened.extend(happened);
            effects.next_event = next_event;
        }
    }

    /// Whether nothing is to be done but to wait for what will be stored with what is placed.
    fn waits_for_company(&self) -> bool {
        let idle = self.batch.is_empty() && self.queues.is_settled();
        idle && !self.placed.is_empty() && self.time.now() < self.sync_at
    }

    /// Whether nobody else can own the shard.
    fn is_owned(&self) -> bool {
        self.time.now() < self.owned_until.0
    }

    fn landed(&mut self, landed: Result<Landed, StoreError>) -> Result<(), StoreError> {
        self.commit = None;
        let effects = std::mem::take(&mut self.committing);
        match landed? {
            Landed::Stored(read) => {
                let nothing = self.queues.nothing_read();
                for placed in std::mem::take(&mut self.placed) {
                    self.let_out(placed.effects, &nothing);
                }
                self.let_out(effects, &read);
                self.sync_at = i64::MAX;
            }
            Landed::Placed(stored) => self.place(stored, effects),
        }
        Ok(())
    }

    /// Answers those who do not wait for the disk. What they do next is stored with it; a second
    /// such commit waits for nobody.
    fn place(&mut self, stored: Ahead, mut effects: Effects) {
        let now = self.time.now();
        self.sync_at = match (effects.answers.has_ahead(), self.sync_at) {
            (false, _) => i64::MAX,
            (true, i64::MAX) => now.saturating_add(AHEAD_MS),
            (true, _) => now,
        };
        effects.answers.answer_ahead(&self.queues.nothing_read());
        self.placed.push_back(Placed { stored, effects });
    }

    /// The first of those that are placed was stored.
    fn placed_is_stored(&mut self, stored: Result<(), StoreError>) -> Result<(), StoreError> {
        stored?;
        if let Some(placed) = self.placed.pop_front() {
            self.let_out(placed.effects, &self.queues.nothing_read());
        }
        if self.placed.is_empty() {
            self.sync_at = i64::MAX;
        }
        Ok(())
    }

    fn let_out(&mut self, effects: Effects, read: &Payloads) {
        if let Some((begun, records)) = effects.begun {
            self.feed.committed(begun.elapsed(), records);
        }
        self.feed.publish(effects.happened, effects.next_event);
        self.feed.wait_errands(&self.queues);
        self.queues.stored(effects.number);
        effects.answers.answer(read);
    }

    /// When time alone demands something: Unix milliseconds of the store.
    fn wake_at(&self) -> i64 {
        let renewal = self.renewal.is_none().then_some(self.renew_at);
        let reminder = self.reminders.values().min().copied();
        let sync = (self.commit.is_none() && !self.placed.is_empty()).then_some(self.sync_at);
        let times = [
            sync,
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
        while self.commit.is_some() || !self.batch.is_empty() || !self.placed.is_empty() {
            if self.sync_at < i64::MAX {
                self.sync_at = i64::MIN;
            }
            self.start_commit();
            let step = tokio::select! {
                biased;
                landed = landing(&mut self.commit), if self.commit.is_some() => self.landed(landed),
                stored = first_of(&mut self.placed), if !self.placed.is_empty() => self.placed_is_stored(stored),
                else => Ok(()),
            };
            if let Err(why) = step {
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

/// When the first of these is stored; never, when there is none.
async fn first_of(placed: &mut VecDeque<Placed>) -> Result<(), StoreError> {
    match placed.front_mut() {
        Some(placed) => placed.stored.until_stored().await,
        None => std::future::pending().await,
    }
}
