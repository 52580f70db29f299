//! Tells callers how far their requests are, without insisting: a later message tells
//! more, and the end is told by the outbox.

use proto::timestone::v1::NewMessage;
use tokio::sync::mpsc;

use crate::limits::{MAX_MESSAGES, MAX_PROGRESS};
use crate::owner::Shared;
use crate::wire;

/// The way to the teller.
pub(crate) fn channel() -> (mpsc::Sender<NewMessage>, mpsc::Receiver<NewMessage>) {
    mpsc::channel(MAX_PROGRESS)
}

/// Runs until nobody has anything to tell any more.
pub(crate) async fn run<S>(shared: &Shared<S>, mut told: mpsc::Receiver<NewMessage>) {
    let mut messages = Vec::new();
    while told.recv_many(&mut messages, MAX_MESSAGES).await > 0 {
        let messages = messages.drain(..).map(wire::new_message).collect();
        if let Err(error) = shared.timestone.enqueue(messages).await {
            tracing::debug!(%error, "progress was not told");
        }
    }
}
