//! A subscription that lasts: messages come while their workers have room.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use timestone::LeasedMessage;
use tokio::sync::{Mutex, mpsc};
use tokio::task::AbortHandle;

use crate::patience::Patience;
use crate::{SubscribeRequest, Subscription, Timestone, TimestoneError};

/// How long a subscription is tried for before its consumer hears of it.
const PATIENCE: Duration = Duration::from_secs(30);

type Next = Result<LeasedMessage, TimestoneError>;

/// Hands out the messages of a subscription to any number of workers, and subscribes again
/// whenever that ends.
///
/// With as much credit as there are workers, each message is leased for a worker that is free,
/// and to complete one is to be sent the next: one call and one commit for both. While messages
/// of an older subscription are in hand, the next may bring as many again.
///
/// Dropped, it takes no more; messages that were sent and not taken come again when their leases
/// lapse.
#[derive(Debug)]
pub struct Consumer {
    messages: Mutex<mpsc::Receiver<Next>>,
    feeding: AbortHandle,
}

impl Consumer {
    /// Begins to consume. Each subscription has an id of its own, whatever `request` says.
    /// Must be called on a runtime.
    pub fn start(timestone: Arc<dyn Timestone>, request: SubscribeRequest) -> Self {
        // What was leased is taken in whether or not a worker is free.
        let (sender, messages) = mpsc::channel(request.credit.max(1) as usize);
        let feed = Feed { timestone, request };
        Self {
            messages: Mutex::new(messages),
            feeding: tokio::spawn(feed.run(sender)).abort_handle(),
        }
    }

    /// The next message, for whoever has asked first; dropped, it loses none. After an error
    /// that lasts, such as a malformed request, nothing more comes.
    pub async fn next(&self) -> Next {
        let next = self.messages.lock().await.recv().await;
        next.unwrap_or_else(|| Err(TimestoneError::Unavailable("the consumer has ended".into())))
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.feeding.abort();
    }
}

struct Feed {
    timestone: Arc<dyn Timestone>,
    request: SubscribeRequest,
}

impl Feed {
    async fn run(self, messages: mpsc::Sender<Next>) {
        loop {
            let ended = match self.subscribe().await {
                Ok(stream) => forward(stream, &messages).await,
                Err(error) => Err(error),
            };
            match ended {
                Ok(()) | Err(TimestoneError::Unavailable(_)) if !messages.is_closed() => {}
                Ok(()) => return,
                Err(refused) => return drop(messages.send(Err(refused)).await),
            }
        }
    }

    /// Tries for a while.
    async fn subscribe(&self) -> Result<Subscription, TimestoneError> {
        let mut patience = Patience::starting_now(PATIENCE);
        loop {
            let request = SubscribeRequest {
                subscription_id: ids::time_ordered(),
                ..self.request.clone()
            };
            match self.timestone.subscribe(request).await {
                Err(TimestoneError::Unavailable(why)) if patience.pause().await => {
                    tracing::debug!(%why, "a subscription is tried again");
                }
                answer => return answer,
            }
        }
    }
}

/// Hands messages on until the stream ends or nobody is there any more.
async fn forward(
    mut stream: Subscription,
    messages: &mpsc::Sender<Next>,
) -> Result<(), TimestoneError> {
    while let Some(leased) = stream.next().await {
        for message in leased? {
            if messages.send(Ok(message)).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}
