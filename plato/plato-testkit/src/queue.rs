//! The queue as one party sees it: everything that it asks passes a gate, where calls can
//! be lost.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};
use timestone::{
    Clause, Completion, Counted, Failure, Filter, Found, LeaseToken, LeasedMessage, MessageKey,
    MessageView, NewMessage, QueueConfig, QueueCount, QueueView, Reschedule, Search,
};
use timestone_client::{
    DequeueRequest, Outcomes, SubscribeRequest, Subscription, Timestone, TimestoneError,
};
use tokio::sync::Notify;

use crate::time::VirtualTime;

/// What stands between one party and the queue.
#[async_trait]
pub trait Gate: Send + Sync + 'static {
    /// Before a call reaches the queue.
    ///
    /// # Errors
    /// When it never does.
    async fn before(&self) -> Result<(), TimestoneError>;

    /// Before the answer reaches the caller.
    ///
    /// # Errors
    /// When it is lost.
    async fn after(&self) -> Result<(), TimestoneError>;

    /// Completes when the party is no more: the queue lets go of a wait whose connection is
    /// closed, and leases nothing for it.
    async fn gone(&self) {
        std::future::pending::<()>().await;
    }
}

/// A gate that lets everything pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct Open;

#[async_trait]
impl Gate for Open {
    async fn before(&self) -> Result<(), TimestoneError> {
        Ok(())
    }

    async fn after(&self) -> Result<(), TimestoneError> {
        Ok(())
    }
}

/// The queue behind a gate.
///
/// Whoever waits for a message is woken by the call that brings one. Nobody asks again
/// while there is nothing to come, so that years of waiting cost nothing.
pub(crate) struct GatedQueue<G> {
    pub(crate) queue: Arc<dyn Timestone>,
    pub(crate) time: VirtualTime,
    /// How often to look for what time alone brings, in milliseconds.
    pub(crate) look_ms: u64,
    /// Told whenever a call may have brought messages.
    pub(crate) brought: Arc<Notify>,
    pub(crate) gate: Arc<G>,
}

impl<G: Gate> GatedQueue<G> {
    async fn pass<T>(
        &self,
        call: impl Future<Output = Result<T, TimestoneError>> + Send,
    ) -> Result<T, TimestoneError> {
        self.gate.before().await?;
        let answer = call.await?;
        self.brought.notify_waiters();
        self.gate.after().await?;
        Ok(answer)
    }

    /// Waits for a message, without asking while there can be none.
    async fn wait(&self, request: DequeueRequest) -> Result<Vec<LeasedMessage>, TimestoneError> {
        loop {
            let mut brought = std::pin::pin!(self.brought.notified());
            brought.as_mut().enable();
            if request.wait_ms == 0 || self.may_come(&request.queues).await? {
                return self.queue.dequeue(request).await;
            }
            tokio::select! {
                biased;
                () = brought => {}
                () = self.time.until_ms(self.look_again_ms().await?) => {}
            }
        }
    }

    /// Whether a message of these queues waits.
    async fn may_come(&self, queues: &[String]) -> Result<bool, TimestoneError> {
        let counts = self.queue.count(queues).await?;
        Ok(counts
            .iter()
            .any(|count| count.invisible + count.pending > 0))
    }

    /// When time alone may have brought a message: one whose worker was lost waits again, or
    /// tells its end.
    async fn look_again_ms(&self) -> Result<i64, TimestoneError> {
        let counts = self.queue.count(&[]).await?;
        // Also what waits there will be leased, which is not told.
        let busy = |count: &QueueCount| count.invisible + count.pending + count.running > 0;
        Ok(match counts.iter().any(busy) {
            true => self.time.now_ms().saturating_add_unsigned(self.look_ms),
            false => i64::MAX,
        })
    }
}

type Next = Result<Vec<LeasedMessage>, TimestoneError>;
type Gated<G> = Option<(Subscription, Arc<G>)>;

/// The next messages of a subscription, which breaks where they are lost and ends with the
/// party.
async fn through<G: Gate>(gated: Gated<G>) -> Option<(Next, Gated<G>)> {
    let (mut stream, gate) = gated?;
    let next = tokio::select! {
        biased;
        () = gate.gone() => {
            drop(stream);
            return std::future::pending().await;
        }
        next = stream.next() => next?,
    };
    match gate.after().await {
        Ok(()) => Some((next, Some((stream, gate)))),
        Err(lost) => Some((Err(lost), None)),
    }
}

#[async_trait]
impl<G: Gate> Timestone for GatedQueue<G> {
    async fn put_queue(&self, queue: &str, config: QueueConfig) -> Result<(), TimestoneError> {
        self.pass(self.queue.put_queue(queue, config)).await
    }

    async fn queue(&self, queue: &str) -> Result<Option<QueueView>, TimestoneError> {
        self.pass(self.queue.queue(queue)).await
    }

    async fn list_queues(
        &self,
        prefix: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<QueueView>, TimestoneError> {
        self.pass(self.queue.list_queues(prefix, after, limit))
            .await
    }

    async fn delete_queues(
        &self,
        queues: Vec<String>,
        force: bool,
    ) -> Result<Outcomes, TimestoneError> {
        self.pass(self.queue.delete_queues(queues, force)).await
    }

    async fn enqueue(&self, messages: Vec<NewMessage>) -> Result<Outcomes, TimestoneError> {
        self.pass(self.queue.enqueue(messages)).await
    }

    async fn dequeue(&self, request: DequeueRequest) -> Result<Vec<LeasedMessage>, TimestoneError> {
        self.gate.before().await?;
        let messages = tokio::select! {
            biased;
            () = self.gate.gone() => std::future::pending().await,
            messages = self.wait(request) => messages?,
        };
        self.gate.after().await?;
        Ok(messages)
    }

    async fn dequeue_matching(
        &self,
        request: DequeueRequest,
        filter: Clause,
    ) -> Result<Vec<LeasedMessage>, TimestoneError> {
        self.pass(self.queue.dequeue_matching(request, filter))
            .await
    }

    async fn subscribe(&self, request: SubscribeRequest) -> Result<Subscription, TimestoneError> {
        let stream = self.pass(self.queue.subscribe(request)).await?;
        Ok(Box::pin(stream::unfold(
            Some((stream, Arc::clone(&self.gate))),
            through,
        )))
    }

    async fn complete(&self, completions: Vec<Completion>) -> Result<Outcomes, TimestoneError> {
        self.pass(self.queue.complete(completions)).await
    }

    async fn fail(&self, failures: Vec<Failure>) -> Result<Outcomes, TimestoneError> {
        self.pass(self.queue.fail(failures)).await
    }

    async fn release(
        &self,
        tokens: Vec<LeaseToken>,
        refund: bool,
    ) -> Result<Outcomes, TimestoneError> {
        self.pass(self.queue.release(tokens, refund)).await
    }

    async fn extend(
        &self,
        tokens: Vec<LeaseToken>,
        lease_ms: Option<u64>,
    ) -> Result<Outcomes, TimestoneError> {
        self.pass(self.queue.extend(tokens, lease_ms)).await
    }

    async fn cancel(
        &self,
        messages: Vec<MessageKey>,
        reason: &str,
    ) -> Result<Outcomes, TimestoneError> {
        self.pass(self.queue.cancel(messages, reason)).await
    }

    async fn reschedule(&self, schedules: Vec<Reschedule>) -> Result<Outcomes, TimestoneError> {
        self.pass(self.queue.reschedule(schedules)).await
    }

    async fn redrive(
        &self,
        messages: Vec<MessageKey>,
        attempts: Option<u32>,
    ) -> Result<Outcomes, TimestoneError> {
        self.pass(self.queue.redrive(messages, attempts)).await
    }

    async fn find(&self, search: Search) -> Result<Found, TimestoneError> {
        self.pass(self.queue.find(search)).await
    }

    async fn count_matching(
        &self,
        queue: &str,
        filter: &Filter,
        cursor: Bytes,
    ) -> Result<Counted, TimestoneError> {
        self.pass(self.queue.count_matching(queue, filter, cursor))
            .await
    }

    async fn get(&self, key: &MessageKey) -> Result<Option<MessageView>, TimestoneError> {
        self.pass(self.queue.get(key)).await
    }

    async fn count(&self, queues: &[String]) -> Result<Vec<QueueCount>, TimestoneError> {
        self.pass(self.queue.count(queues)).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use timestone::Session;

    use super::*;
    use crate::site::Site;

    /// One that is told when to be no more.
    #[derive(Clone, Default)]
    struct Leaving(Arc<Notify>);

    #[async_trait]
    impl Gate for Leaving {
        async fn before(&self) -> Result<(), TimestoneError> {
            Ok(())
        }

        async fn after(&self) -> Result<(), TimestoneError> {
            Ok(())
        }

        async fn gone(&self) {
            self.0.notified().await;
        }
    }

    fn request(owner: &str) -> DequeueRequest {
        DequeueRequest {
            queues: vec!["q".into()],
            max: 1,
            wait_ms: 60_000,
            lease_ms: None,
            session: Session {
                owner: owner.into(),
                boot: "1".into(),
            },
            request_id: ids::time_ordered(),
        }
    }

    #[test]
    fn one_that_is_no_more_is_leased_nothing() {
        let time = VirtualTime::default();
        let came = time.run(async {
            let site = Site::start(&time, 1, 1);
            let gate = Leaving::default();
            let client = site.client(gate.clone());
            tokio::spawn(async move { client.dequeue(request("leaving")).await });
            time.sleep(Duration::from_secs(1)).await;
            gate.0.notify_one();
            let message = NewMessage {
                queue: "q".into(),
                id: "m".into(),
                ..NewMessage::default()
            };
            site.open().enqueue(vec![message]).await?;
            let came = site.open().dequeue(request("staying")).await?;
            Ok::<_, TimestoneError>((came.len(), time.since_begin_ms()))
        });
        assert_eq!(came.unwrap().unwrap(), (1, 1_000));
    }
}
