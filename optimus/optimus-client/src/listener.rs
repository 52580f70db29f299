//! Hears the answers for all calls that one handle has made, and sends what is given up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use blob::Value;
use clock::SharedClock;
use errors::Error;
use timestone::{Completion, LeasedMessage, NewMessage, Session};
use timestone_client::{Client, DequeueRequest, TimestoneError};
use tokio::sync::{mpsc, oneshot};

use crate::answer::{Answer, answer};
use crate::post;

/// Answers taken at a time.
const BATCH: u32 = 64;
/// How long one look into the queue waits, in milliseconds.
const WAIT_MS: u64 = 20_000;
/// The pause after the queue could not be reached.
const PAUSE: Duration = Duration::from_millis(500);

pub(crate) type Waiter = oneshot::Sender<Result<Value, Error>>;

/// Who waits for which call.
#[derive(Debug, Default)]
pub(crate) struct Waiters(Mutex<HashMap<String, Waiter>>);

impl Waiters {
    /// `false` when somebody waits for this call already.
    pub(crate) fn add(&self, call: &str, waiter: Waiter) -> bool {
        let mut waiting = self.lock();
        let is_new = !waiting.contains_key(call);
        if is_new {
            waiting.insert(call.to_owned(), waiter);
        }
        is_new
    }

    pub(crate) fn remove(&self, call: &str) -> Option<Waiter> {
        self.lock().remove(call)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Waiter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct Listener {
    pub(crate) client: Client,
    pub(crate) clock: SharedClock,
    pub(crate) reply_queue: String,
    pub(crate) waiters: Arc<Waiters>,
}

impl Listener {
    /// Hears answers for ever.
    pub(crate) async fn run(self) {
        let session = Session {
            owner: self.reply_queue.clone(),
            boot: ids::time_ordered(),
        };
        loop {
            if let Err(error) = self.round(&session).await {
                tracing::warn!(%error, queue = self.reply_queue, "cannot hear of answers");
                self.clock.sleep(PAUSE).await;
            }
        }
    }

    async fn round(&self, session: &Session) -> Result<(), TimestoneError> {
        let request = DequeueRequest {
            queues: vec![self.reply_queue.clone()],
            max: BATCH,
            wait_ms: WAIT_MS,
            lease_ms: None,
            session: session.clone(),
            request_id: ids::time_ordered(),
        };
        let messages = self.client.dequeue(request).await?;
        if messages.is_empty() {
            return Ok(());
        }
        messages.iter().for_each(|message| self.hear(message));
        let tokens = messages.into_iter().map(|message| message.token);
        let heard = tokens.map(|token| Completion {
            token,
            then_enqueue: Vec::new(),
        });
        self.client.complete(heard.collect()).await.map(drop)
    }

    fn hear(&self, message: &LeasedMessage) {
        let id = &message.token.key.id;
        match answer(&message.payload) {
            Ok(Some(Answer { call, result })) => match self.waiters.remove(&call) {
                // One that has just given up does not hear it any more.
                Some(waiter) => drop(waiter.send(result)),
                None => tracing::debug!(call, "nobody waits for this answer any more"),
            },
            Ok(None) => {}
            Err(problem) => tracing::error!(message = id, %problem, "an answer makes no sense"),
        }
    }
}

/// Sends the messages of calls that were given up.
pub(crate) async fn send_all(
    client: Client,
    clock: SharedClock,
    mut messages: mpsc::Receiver<NewMessage>,
) {
    while let Some(message) = messages.recv().await {
        let id = message.id.clone();
        if let Err(error) = post::send(&*clock, &client, message).await {
            tracing::warn!(message = id, %error, "a call goes on that nobody waits for");
        }
    }
}
