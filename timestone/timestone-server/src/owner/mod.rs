//! The one task that owns a shard: it applies calls to memory, commits what they
//! changed, and only then answers.
//!
//! Payloads that are not in memory are read along with the commit whose answers
//! need them. Calls that arrive while a commit is being stored are applied at once, and their
//! commit gets its place in the store behind it, if the store has places; what waits for a
//! place shares one commit. Answers come in the order of commits. When a commit fails, memory
//! is dropped and read anew from the store under a new epoch, so that a late effect of the
//! failed commit is either seen or fenced off.
//!
//! Time is the store's when the shard was taken, and what has elapsed since. To set
//! a clock, the store's or this machine's, forwards or backwards, therefore moves no
//! lease, wait or renewal of a running owner. The next owner grants every lease
//! anew from the store's time then; what is invisible until a certain time, or
//! remembered until one, ends by that time: earlier where the store's clock was set
//! forward, later where it was set back. Another may take the shard over early or
//! late by as much; the one who lost it is fenced off either way.

mod batch;
mod handing;
mod looking;
mod nonces;
mod serving;
mod shard;
mod waiters;

use std::sync::Arc;
use std::time::Duration;

use clock::SharedClock;
use store::Store;
use timestone::{Payloads, Place, Queues, limits};
use timestone_client::TimestoneError;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::seen::{Feed, HistoryOptions, Metrics};
use serving::{Serving, Stopped};
use shard::Shard;
pub(crate) use waiters::{Granted, Looker, Subscriber, Taker, Taking, Undo, Untaken, Waiter};

/// Who owns what, and for how long it may be silent.
#[derive(Clone, Debug)]
pub struct OwnerOptions {
    /// The shard of the store.
    pub shard: String,
    /// Which of the shards of all queues it is.
    pub place: Place,
    /// Unique to this start of the process.
    pub owner: String,
    /// After this much silence another process may take the shard over.
    pub ttl: Duration,
    /// Whether what happens is kept, and where.
    pub history: Option<HistoryOptions>,
    /// Where numbers go, if they are wanted.
    pub metrics: Option<Arc<Metrics>>,
    /// Payloads of about so many bytes are kept in memory; others are read from
    /// the store when they are wanted.
    pub recent_bytes: usize,
    /// Whether to leave the shard to another who has it, for good, instead of trying to
    /// take it back.
    pub yields: bool,
}

impl OwnerOptions {
    /// Owns the only shard there is, as `owner`.
    pub fn new(owner: impl Into<String>) -> Self {
        Self {
            shard: "timestone/0".into(),
            place: Place::default(),
            owner: owner.into(),
            ttl: Duration::from_secs(10),
            history: None,
            metrics: None,
            recent_bytes: limits::DEFAULT_RECENT_BYTES,
            yields: false,
        }
    }
}

/// Told when what a call changed is stored; dropped when it could not be stored.
/// Given the payloads that were read for it.
pub(crate) type Reply = Box<dyn FnOnce(&Payloads) + Send>;

/// Runs a call and hands out how it is answered.
pub(crate) type Apply = Box<dyn FnOnce(&mut Queues) -> Reply + Send>;

/// What the owner is asked for. To drop it is to answer that it is unavailable.
pub(crate) enum Request {
    Apply {
        apply: Apply,
        /// Payload bytes it may store.
        bytes: usize,
    },
    Dequeue(Waiter),
    Take(Taking),
    Subscribe {
        subscriber: Waiter,
        accepted: oneshot::Sender<Result<(), TimestoneError>>,
    },
}

/// The ways into the owner.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) requests: mpsc::Receiver<Request>,
    pub(crate) undos: mpsc::Receiver<Undo>,
}

/// The owner before it owns anything.
pub(crate) struct Owner {
    shard: Shard,
    inbox: Inbox,
    undo: mpsc::Sender<Undo>,
    stop: CancellationToken,
    feed: Arc<Feed>,
}

impl Owner {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        clock: SharedClock,
        options: OwnerOptions,
        inbox: Inbox,
        undo: mpsc::Sender<Undo>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            shard: Shard::new(store, clock, options),
            inbox,
            undo,
            stop,
            feed: Arc::new(Feed::new(None, None)),
        }
    }

    /// Tells what happens.
    pub(crate) fn telling(mut self, feed: Arc<Feed>) -> Self {
        self.feed = feed;
        self
    }

    /// Owns the shard, again and again, until told to stop or, where it yields, until
    /// another has it.
    pub(crate) async fn run(mut self) {
        while let Some(serving) = self.take_over().await {
            match serving.run(&mut self.inbox, &self.stop).await {
                Stopped::Asked => break,
                Stopped::Lost(why) => {
                    tracing::warn!(shard = self.shard.name(), %why, "the queue's shard is read anew");
                }
            }
        }
    }

    /// Tries to take the shard until it works; `None` when told to stop, or to leave it.
    async fn take_over(&mut self) -> Option<Serving> {
        let mut waits = backoff();
        loop {
            let stop = self.stop.clone();
            let taken = tokio::select! {
                () = stop.cancelled() => return None,
                taken = self.shard.take() => taken,
            };
            match taken {
                Ok(owned) => {
                    let feed = Arc::clone(&self.feed);
                    return Some(Serving::new(owned, self.undo.clone(), feed));
                }
                Err(why) if self.shard.is_left_to(&why) => return None,
                Err(why) => {
                    tracing::warn!(shard = self.shard.name(), %why, "the queue's shard cannot be taken yet");
                    self.refuse_for(waits.next()?).await;
                }
            }
        }
    }

    /// Answers every call that it is unavailable, for a while.
    async fn refuse_for(&mut self, wait: Duration) {
        let pause = self.shard.pause(wait);
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => return,
                () = self.stop.cancelled() => return,
                request = self.inbox.requests.recv() => match request {
                    Some(refused) => drop(refused),
                    None => return self.stop.cancel(),
                },
            }
        }
    }
}

/// Ever longer waits, up to a second.
fn backoff() -> impl Iterator<Item = Duration> {
    let mut wait = Duration::from_millis(25);
    std::iter::repeat_with(move || {
        wait = (wait * 2).min(Duration::from_secs(1));
        wait
    })
}
