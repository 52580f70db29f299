//! Messages of the inbox of a group, taken in until nobody takes them any more.

use std::sync::Arc;

use futures::StreamExt;
use timestone::LeasedMessage;
use timestone_client::{SubscribeRequest, Subscription, TimestoneError};
use tokio::sync::mpsc::{self, error::SendError};

use super::inbox::Settlement;
use crate::shared::{Shared, backoff};

type Messages = mpsc::Sender<Vec<LeasedMessage>>;

/// Subscribes to the inbox: a message is leased in the commit that brings it, or in the one
/// that settles another and so makes room. What was not taken is given back.
pub(crate) async fn pull(
    shared: Arc<Shared>,
    group: u32,
    messages: Messages,
    settlements: mpsc::UnboundedSender<Settlement>,
) {
    let untaken = take(&shared, group, &messages).await;
    for message in untaken {
        // The settler ends only after this.
        let _ = settlements.send(Settlement::GivenBack(message.token));
    }
}

/// Takes messages until nobody wants them any more; those that were not taken.
async fn take(shared: &Shared, group: u32, messages: &Messages) -> Vec<LeasedMessage> {
    let mut failures = 0;
    loop {
        match wanted(messages, subscribe(shared, group)).await {
            None => return Vec::new(),
            Some(Ok(stream)) => {
                failures = 0;
                if let Err(SendError(untaken)) = forward(stream, messages).await {
                    return untaken;
                }
            }
            Some(Err(error)) => tracing::warn!(%error, group, "the inbox waits"),
        }
        wanted(messages, shared.sleep(backoff(failures))).await;
        failures += 1;
    }
}

/// What comes, as long as somebody wants messages.
async fn wanted<T>(messages: &Messages, coming: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = messages.closed() => None,
        came = coming => Some(came),
    }
}

async fn subscribe(shared: &Shared, group: u32) -> Result<Subscription, TimestoneError> {
    let request = SubscribeRequest {
        queues: vec![shared.inbox(group)],
        credit: shared.config.batch,
        lease_ms: None,
        session: shared.session.clone(),
        subscription_id: ids::time_ordered(),
        filter: None,
        // What the loop commits is stored only if the message is, and is seen only then.
        ahead: shared.config.queue_in_store,
    };
    shared.timestone.subscribe(request).await
}

/// Hands messages on until the stream breaks or nobody takes them.
async fn forward(
    mut stream: Subscription,
    messages: &Messages,
) -> Result<(), SendError<Vec<LeasedMessage>>> {
    while let Some(Some(leased)) = wanted(messages, stream.next()).await {
        match leased {
            Ok(leased) => messages.send(leased).await?,
            Err(error) => {
                tracing::warn!(%error, "the inbox waits");
                return Ok(());
            }
        }
    }
    Ok(())
}
