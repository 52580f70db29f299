//! The inbox queue of a group: messages in, completions out.

use std::sync::Arc;

use buffa::Message;
use errors::Error;
use timestone::{Completion, Failure, LeaseToken, LeasedMessage};
use timestone_client::{DequeueRequest, TimestoneError};
use tokio::sync::mpsc;

use crate::shared::{Shared, backoff};

/// How long one call waits for a message, in milliseconds.
const WAIT_MS: u64 = 20_000;

/// Pulls messages until nobody takes them any more.
pub(crate) async fn pull(
    shared: Arc<Shared>,
    group: u32,
    messages: mpsc::Sender<Vec<LeasedMessage>>,
) {
    let closed = messages.clone();
    tokio::select! {
        biased;
        () = closed.closed() => {}
        () = pull_all(shared, group, messages) => {}
    }
}

async fn pull_all(shared: Arc<Shared>, group: u32, messages: mpsc::Sender<Vec<LeasedMessage>>) {
    loop {
        let pulled = pull_once(&shared, group).await;
        if !pulled.is_empty() && messages.send(pulled).await.is_err() {
            return;
        }
    }
}

/// Repeats one request until it is answered, so that nothing is leased twice.
async fn pull_once(shared: &Shared, group: u32) -> Vec<LeasedMessage> {
    let request = DequeueRequest {
        queues: vec![shared.inbox(group)],
        max: shared.config.batch,
        wait_ms: WAIT_MS,
        lease_ms: None,
        session: shared.session.clone(),
        request_id: ids::time_ordered(),
    };
    let mut failures = 0;
    loop {
        match shared.timestone.dequeue(request.clone()).await {
            Ok(messages) => return messages,
            Err(error) => tracing::warn!(%error, group, "the inbox waits"),
        }
        shared.sleep(backoff(failures)).await;
        failures += 1;
    }
}

/// What to do with a message.
#[derive(Debug)]
pub(crate) enum Settlement {
    /// It was handled, and that is on stable storage.
    Done(LeaseToken),
    /// It can never be handled.
    Refused(LeaseToken, Error),
    /// It was not handled: another owner will.
    GivenBack(LeaseToken),
}

/// Settles messages until nobody sends any more.
pub(crate) async fn settle(shared: Arc<Shared>, mut settled: mpsc::UnboundedReceiver<Settlement>) {
    let mut batch = Vec::new();
    while settled
        .recv_many(&mut batch, timestone::limits::MAX_BATCH)
        .await
        > 0
    {
        settle_batch(&shared, std::mem::take(&mut batch)).await;
    }
}

async fn settle_batch(shared: &Shared, batch: Vec<Settlement>) {
    let (mut done, mut refused, mut given_back) = (Vec::new(), Vec::new(), Vec::new());
    for settlement in batch {
        match settlement {
            Settlement::Done(token) => done.push(Completion {
                token,
                then_enqueue: Vec::new(),
            }),
            Settlement::Refused(token, error) => refused.push(failure(token, error)),
            Settlement::GivenBack(token) => given_back.push(token),
        }
    }
    if !done.is_empty() {
        insist(shared, || shared.timestone.complete(done.clone())).await;
    }
    if !refused.is_empty() {
        insist(shared, || shared.timestone.fail(refused.clone())).await;
    }
    if !given_back.is_empty() {
        insist(shared, || {
            shared.timestone.release(given_back.clone(), true)
        })
        .await;
    }
}

fn failure(token: LeaseToken, error: Error) -> Failure {
    tracing::error!(message = token.key.id, %error, "a message of the inbox cannot be handled");
    Failure {
        token,
        error: proto::base::v1::Error::from(error).encode_to_vec().into(),
        retry_in_ms: 0,
        last: true,
        then_enqueue: Vec::new(),
    }
}

/// Repeats a call while Timestone is unavailable. That single items are refused
/// does no harm: a lease that was lost is delivered again, and found in the inbox.
async fn insist<T, F>(shared: &Shared, mut call: impl FnMut() -> F)
where
    F: Future<Output = Result<T, TimestoneError>>,
{
    let mut failures = 0;
    while let Err(error) = call().await {
        tracing::warn!(%error, "messages cannot be settled");
        if matches!(error, TimestoneError::Refused(_)) {
            return;
        }
        shared.sleep(backoff(failures)).await;
        failures += 1;
    }
}
