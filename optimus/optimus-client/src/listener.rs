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

    /// Tells the one who waits for this call.
    fn tell(&self, call: &str, result: Result<Value, Error>) {
        match self.remove(call) {
            // One that has just given up does not hear it any more.
            Some(waiter) => drop(waiter.send(result)),
            None => tracing::debug!(call, "nobody waits for this answer any more"),
        }
    }

    /// The answer to this call was heard, and is over in the queue. Whoever asked for it again
    /// in between found it neither waiting nor over.
    fn came_late(&self, call: &str) {
        if let Some(waiter) = self.remove(call) {
            // Who has given up does not hear that either.
            let _ = waiter.send(Err(heard_before(call)));
        }
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
        let calls: Vec<_> = messages.iter().map(|message| self.hear(message)).collect();
        let tokens = messages.into_iter().map(|message| message.token);
        let heard = tokens.map(|token| Completion {
            token,
            then_enqueue: Vec::new(),
        });
        let outcomes = self.client.complete(heard.collect()).await?;
        for (call, outcome) in calls.iter().zip(outcomes) {
            if let (Some(call), Ok(_)) = (call, outcome) {
                self.waiters.came_late(call);
            }
        }
        Ok(())
    }

    /// Tells who waits for it; which call it was about.
    fn hear(&self, message: &LeasedMessage) -> Option<String> {
        let id = &message.token.key.id;
        match answer(&message.payload) {
            Ok(Some(Answer { call, result })) => {
                self.waiters.tell(&call, result);
                Some(call)
            }
            Ok(None) => None,
            Err(problem) => {
                tracing::error!(message = id, %problem, "an answer makes no sense");
                None
            }
        }
    }
}

/// Whoever waits again for a call whose answer was told is told this.
pub(crate) fn heard_before(id: &str) -> Error {
    let message = format!("the answer to call {id} was heard before");
    Error::user("ANSWER_HEARD", message)
        .hint("call again under a new id; where an answer must survive the program, use a workflow")
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn who_asks_again_while_the_answer_is_being_heard_does_not_wait_for_ever() {
        let waiters = Waiters::default();
        let wait = || {
            let (waiter, answer) = oneshot::channel();
            assert!(waiters.add("c", waiter));
            answer
        };
        let mut first = wait();
        waiters.tell("c", Ok(Value::inline("{}")));
        assert_eq!(first.try_recv().unwrap(), Ok(Value::inline("{}")));
        let mut second = wait();
        waiters.came_late("c");
        let late = second.try_recv().unwrap().unwrap_err();
        assert_eq!(late.code, "ANSWER_HEARD");
        assert!(waiters.lock().is_empty());
    }
}
