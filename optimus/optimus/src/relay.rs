use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clock::{Clock, Timestamp};
use errors::Error;
use timestone::{NewMessage, Outcome, Refusal};
use tokio::sync::{Notify, mpsc};

use crate::commands::Command;
use crate::core::Sent;
use crate::limits::{MAX_BACKOFF, MAX_MESSAGES};
use crate::outbox::Outbox;
use crate::owner::Shared;

/// Sends what the outbox holds and reports what was sent.
#[derive(Debug, Default)]
pub(crate) struct Relay {
    outbox: Mutex<Outbox>,
    added: Notify,
}

/// The pause before a message is offered to a full queue again.
const FULL_PAUSE: Duration = Duration::from_secs(1);
/// The first pause after the queue could not be reached.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

impl Relay {
    pub(crate) fn push(&self, messages: impl Iterator<Item = (u64, NewMessage)>) {
        let mut outbox = self.outbox();
        messages.for_each(|(number, message)| outbox.add(number, message));
        drop(outbox);
        self.added.notify_one();
    }

    /// Runs until the owner no longer listens.
    pub(crate) async fn run<S>(&self, shared: &Shared<S>, reporter: mpsc::Sender<Command>) {
        let mut pause = FIRST_PAUSE;
        while !reporter.is_closed() {
            let due = self.outbox().due(shared.clock.now(), MAX_MESSAGES);
            if due.is_empty() {
                self.wait(&*shared.clock).await;
                continue;
            }
            match self.send(shared, due).await {
                Ok(sent) => {
                    pause = FIRST_PAUSE;
                    // A closed channel ends the loop.
                    let _ = reporter.send(Command::Sent(sent)).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot reach the queue, will try again");
                    shared.clock.sleep(pause).await;
                    pause = (pause * 2).min(MAX_BACKOFF);
                }
            }
        }
    }

    /// Waits for a message to be added or to fall due.
    async fn wait(&self, clock: &dyn Clock) {
        let due = self.outbox().next_due().unwrap_or(Timestamp::MAX);
        tokio::select! {
            () = self.added.notified() => {}
            () = clock.sleep_until(due) => {}
        }
    }

    async fn send<S>(
        &self,
        shared: &Shared<S>,
        due: Vec<(u64, NewMessage)>,
    ) -> Result<Vec<Sent>, timestone_client::TimestoneError> {
        let messages = due.iter().map(|(_, message)| message.clone()).collect();
        let outcomes = shared.timestone.enqueue(messages).await?;
        let now = shared.clock.now();
        let mut outbox = self.outbox();
        let ended = due
            .into_iter()
            .zip(outcomes)
            .filter_map(|((number, message), outcome)| {
                ended(&mut outbox, number, message, outcome, now)
            });
        Ok(ended.collect())
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of one message; `None` when it has to be sent later.
fn ended(
    outbox: &mut Outbox,
    number: u64,
    message: NewMessage,
    outcome: Result<Outcome, Refusal>,
    now: Timestamp,
) -> Option<Sent> {
    if outcome.as_ref().is_err_and(Refusal::is_temporary) {
        outbox.defer(number, now + FULL_PAUSE);
        return None;
    }
    outbox.remove(number);
    let refused = outcome.err().map(|refusal| {
        tracing::warn!(message = message.id, %refusal, "the queue refused a message for good");
        Error::platform(refusal.code(), refusal.to_string())
    });
    Some(Sent {
        number,
        message_id: message.id,
        refused,
    })
}
