//! What becomes of the messages of the inbox of a group.

use std::sync::Arc;

use buffa::Message;
use errors::Error;
use timestone::{Completion, Failure, LeaseToken};
use timestone_client::TimestoneError;
use tokio::sync::mpsc;

use crate::shared::{Shared, backoff};

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
