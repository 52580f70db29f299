//! Messages of the inbox of a group, taken in until nobody takes them any more.

use std::sync::Arc;

use timestone::LeasedMessage;
use timestone_client::DequeueRequest;
use tokio::sync::mpsc::{self, error::SendError};

use super::inbox::Settlement;
use crate::shared::{Shared, backoff};

/// How long one call waits for a message, in milliseconds.
const WAIT_MS: u64 = 20_000;

type Messages = mpsc::Sender<Vec<LeasedMessage>>;

/// Asks by two calls: while one has just been answered the other waits at the queue, where a
/// message that comes is leased in the commit that brings it. What was not taken is given back.
pub(crate) async fn pull(
    shared: Arc<Shared>,
    group: u32,
    messages: Messages,
    settlements: mpsc::UnboundedSender<Settlement>,
) {
    let ask = || ask(&shared, group, &messages);
    let (first, second) = tokio::join!(ask(), ask());
    for message in first.into_iter().chain(second) {
        // The settler ends only after this.
        let _ = settlements.send(Settlement::GivenBack(message.token));
    }
}

/// Asks until nobody takes messages any more; those that were not taken.
async fn ask(shared: &Shared, group: u32, messages: &Messages) -> Vec<LeasedMessage> {
    loop {
        let asked = tokio::select! {
            biased;
            () = messages.closed() => return Vec::new(),
            asked = ask_once(shared, group) => asked,
        };
        if asked.is_empty() {
            continue;
        }
        if let Err(SendError(untaken)) = messages.send(asked).await {
            return untaken;
        }
    }
}

/// Repeats one request until it is answered, so that nothing is leased twice.
async fn ask_once(shared: &Shared, group: u32) -> Vec<LeasedMessage> {
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
