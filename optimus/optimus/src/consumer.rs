//! Hears what the workflow layer tells and ends its messages once that is kept.

use std::time::Duration;

use buffa::Message;
use bytes::Bytes;
use errors::Error;
use timestone::{Completion, Failure, LeaseToken, LeasedMessage, Session};
use timestone_client::{DequeueRequest, TimestoneError};
use tokio::sync::{mpsc, oneshot};

use crate::commands::Command;
use crate::limits::{EVENT_WAIT, MAX_BACKOFF, MAX_MESSAGES};
use crate::owner::Shared;
use crate::wire::{self, Event};

/// The first pause after the queue could not be reached.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Runs until the owner no longer listens.
pub(crate) async fn run<S>(shared: &Shared<S>, reporter: mpsc::Sender<Command>) {
    let session = session(&shared.shard);
    let mut pause = FIRST_PAUSE;
    while !reporter.is_closed() {
        match round(shared, &session, &reporter).await {
            Ok(()) => pause = FIRST_PAUSE,
            Err(error) => {
                tracing::warn!(%error, "cannot hear of workflows, will try again");
                shared.clock.sleep(pause).await;
                pause = (pause * 2).min(MAX_BACKOFF);
            }
        }
    }
}

/// The shard has one owner, so a new one takes over what the old one leased.
fn session(shard: &str) -> Session {
    Session {
        owner: shard.to_owned(),
        boot: ids::time_ordered(),
    }
}

async fn round<S>(
    shared: &Shared<S>,
    session: &Session,
    reporter: &mpsc::Sender<Command>,
) -> Result<(), TimestoneError> {
    let request = DequeueRequest {
        queues: vec![shared.address.events.clone()],
        max: u32::try_from(MAX_MESSAGES).unwrap_or(u32::MAX),
        wait_ms: u64::try_from(EVENT_WAIT.as_millis()).unwrap_or(u64::MAX),
        lease_ms: None,
        session: session.clone(),
        request_id: ids::time_ordered(),
    };
    let leased = shared.timestone.dequeue(request).await?;
    if leased.is_empty() {
        return Ok(());
    }
    let heard = Heard::sort(leased);
    if keep(heard.events, reporter).await {
        shared.timestone.complete(heard.read).await?;
    }
    if !heard.unreadable.is_empty() {
        shared.timestone.fail(heard.unreadable).await?;
    }
    Ok(())
}

/// Whether the events are on stable storage.
async fn keep(events: Vec<Event>, reporter: &mpsc::Sender<Command>) -> bool {
    let (reply, kept) = oneshot::channel();
    let sent = reporter.send(Command::Events { events, reply }).await;
    sent.is_ok() && matches!(kept.await, Ok(Ok(())))
}

#[derive(Default)]
struct Heard {
    events: Vec<Event>,
    read: Vec<Completion>,
    unreadable: Vec<Failure>,
}

impl Heard {
    fn sort(leased: Vec<LeasedMessage>) -> Self {
        let mut heard = Self::default();
        leased.into_iter().for_each(|message| heard.add(message));
        heard
    }

    fn add(&mut self, message: LeasedMessage) {
        match wire::event_of(&message.payload) {
            Ok(event) => {
                self.events.extend(event);
                self.read.push(Completion {
                    token: message.token,
                    then_enqueue: Vec::new(),
                });
            }
            Err(problem) => self.unreadable.push(unreadable(message.token, &problem)),
        }
    }
}

/// Another try cannot make sense of it either.
fn unreadable(token: LeaseToken, problem: &dyn std::fmt::Display) -> Failure {
    tracing::error!(message = token.key.id, %problem, "a message on the events queue makes no sense");
    let error = Error::platform("EVENT_UNREADABLE", problem.to_string());
    Failure {
        token,
        error: Bytes::from(proto::base::v1::Error::from(error).encode_to_vec()),
        retry_in_ms: 0,
        last: true,
        then_enqueue: Vec::new(),
    }
}
