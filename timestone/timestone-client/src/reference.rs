//! Payloads that are too large to travel go by reference.
//!
//! The payload becomes a blob, under its digest, before the message is sent; the message
//! carries the envelope with a [`PayloadRef`](wire::PayloadRef) for a body. Whoever gets
//! the message through a client reads the blob, which is verified, in its place. What
//! cannot be read is failed with the reason and tried again a second later, as long as the
//! message has attempts: it errors and is seen, rather than to stop its queue.
//!
//! The queue never deletes such a blob, as equal payloads share one. It is swept when no
//! message names it any more; a payload is put, which makes it young, before its message is
//! there.

use std::sync::Arc;

use async_trait::async_trait;
use blob::{BlobError, BlobRef, Blobs};
use buffa::{Message, MessageName};
use bytes::Bytes;
use errors::Error;
use futures::StreamExt;
use proto::base::v1 as base;
use proto::timestone::v1 as wire;
use timestone::{
    Clause, Completion, Counted, Failure, Filter, Found, LeaseToken, LeasedMessage, MessageKey,
    MessageView, NewMessage, QueueConfig, QueueCount, QueueView, Refusal, Reschedule, Search,
    limits,
};

use crate::{
    DequeueRequest, EventSearch, FoundEvents, MessageHistory, Outcomes, SubscribeRequest,
    Subscription, Timestone, TimestoneError, Watch, WatchRequest, envelope,
};

/// The largest payload that goes by reference, in bytes.
pub const MAX_REFERRED_BYTES: usize = 64 << 20;
/// A message whose payload cannot be read is tried again after this: milliseconds.
const RETRY_MS: u64 = 1_000;
const CONTENT_TYPE: &str = "application/protobuf";

/// A queue whose messages may be larger than those that travel, where there are blobs.
#[derive(Clone)]
pub(crate) struct ByReference {
    to: Arc<dyn Timestone>,
    blobs: Option<Blobs>,
}

/// The blob that stands for a payload; `None` where the payload is there itself.
pub fn payload_ref(payload: &Bytes) -> Option<BlobRef> {
    let name = wire::PayloadRef::FULL_NAME.as_bytes();
    // The first field of an envelope is its type.
    let rest = payload.strip_prefix(&[0x0a, name.len() as u8])?;
    rest.starts_with(name).then_some(())?;
    let envelope = envelope::of_payload(payload).ok()?;
    let reference: wire::PayloadRef = envelope::open(&envelope).ok()?;
    reference.blob.into_option()?.try_into().ok()
}

/// What carries messages to be enqueued.
trait Carrier {
    fn messages(&mut self) -> &mut [NewMessage];
}

impl Carrier for NewMessage {
    fn messages(&mut self) -> &mut [NewMessage] {
        std::slice::from_mut(self)
    }
}

impl Carrier for Completion {
    fn messages(&mut self) -> &mut [NewMessage] {
        &mut self.then_enqueue
    }
}

impl Carrier for Failure {
    fn messages(&mut self) -> &mut [NewMessage] {
        &mut self.then_enqueue
    }
}

/// Items that may be sent, and those that may not, by their places.
struct Sorted<T> {
    good: Vec<T>,
    refused: Vec<(usize, Refusal)>,
}

impl<T> Sorted<T> {
    /// One outcome per item, in order.
    fn outcomes(refused: Vec<(usize, Refusal)>, mut outcomes: Outcomes) -> Outcomes {
        for (place, refusal) in refused {
            outcomes.insert(place.min(outcomes.len()), Err(refusal));
        }
        outcomes
    }
}

impl ByReference {
    pub(crate) fn new(to: Arc<dyn Timestone>) -> Self {
        Self { to, blobs: None }
    }

    pub(crate) fn with_blobs(&self, blobs: Blobs) -> Self {
        Self {
            to: Arc::clone(&self.to),
            blobs: Some(blobs),
        }
    }

    /// Puts what is too large where it can be referred to.
    async fn sort<T: Carrier>(&self, items: Vec<T>) -> Result<Sorted<T>, TimestoneError> {
        let mut sorted = Sorted {
            good: Vec::with_capacity(items.len()),
            refused: Vec::new(),
        };
        for (place, mut item) in items.into_iter().enumerate() {
            let large = item.messages().iter_mut();
            let large = large.filter(|message| message.payload.len() > limits::MAX_PAYLOAD_BYTES);
            let mut refused = None;
            for message in large {
                match self.refer(&message.payload).await? {
                    Ok(payload) => message.payload = payload,
                    Err(refusal) => refused = Some(refusal),
                }
            }
            match refused {
                None => sorted.good.push(item),
                Some(refusal) => sorted.refused.push((place, refusal)),
            }
        }
        Ok(sorted)
    }

    /// The payload that stands for this one.
    async fn refer(&self, payload: &Bytes) -> Result<Result<Bytes, Refusal>, TimestoneError> {
        let Some(blobs) = &self.blobs else {
            let most = limits::MAX_PAYLOAD_BYTES;
            return Ok(Err(too_large(payload, most, NO_BLOBS)));
        };
        if payload.len() > MAX_REFERRED_BYTES {
            let hint = ", also by reference: keep it as a blob of its own";
            return Ok(Err(too_large(payload, MAX_REFERRED_BYTES, hint)));
        }
        let blob = blobs.home().put(payload.clone(), CONTENT_TYPE).await;
        let blob = blob.map_err(|why| {
            TimestoneError::Unavailable(format!("a large payload cannot be kept as a blob: {why}"))
        })?;
        Ok(Ok(refer_to(payload, blob)))
    }

    /// The messages with their payloads; those without go back.
    async fn restore(&self, leased: Vec<LeasedMessage>) -> Vec<LeasedMessage> {
        let mut restored = Vec::with_capacity(leased.len());
        for mut message in leased {
            match self.read(&message.payload).await {
                None => restored.push(message),
                Some(Ok(payload)) => {
                    message.payload = payload;
                    restored.push(message);
                }
                Some(Err(error)) => self.give_back(message.token, error).await,
            }
        }
        restored
    }

    /// What a payload refers to, if it does.
    async fn read(&self, payload: &Bytes) -> Option<Result<Bytes, Error>> {
        let blob = payload_ref(payload)?;
        let Some(blobs) = &self.blobs else {
            let problem = "the payload is a blob, and this worker has no blob store";
            return Some(Err(Error::platform("NO_BLOB_STORE", problem).hint(
                "give it the installation's blob store: connect its client with blobs",
            )));
        };
        let read = blobs.get(&blob, MAX_REFERRED_BYTES as u64).await;
        Some(read.map_err(unreadable))
    }

    async fn give_back(&self, token: LeaseToken, error: Error) {
        tracing::warn!(queue = token.key.queue, id = token.key.id, %error, "a message goes back unread");
        let failure = Failure {
            token,
            error: base::Error::from(error).encode_to_vec().into(),
            retry_in_ms: RETRY_MS,
            last: false,
            then_enqueue: Vec::new(),
        };
        // Else its lease lapses.
        let _ = self.to.fail(vec![failure]).await;
    }
}

const NO_BLOBS: &str = " travel, and this client has no blob store for more: connect it with blobs";

fn too_large(payload: &Bytes, most: usize, hint: &str) -> Refusal {
    Refusal::Invalid {
        field: "payload",
        problem: format!("is {} bytes; at most {most}{hint}", payload.len()),
    }
}

/// What is known of the work stays readable, where it is not large itself: other bytes may look
/// like an envelope as well.
fn refer_to(payload: &Bytes, blob: BlobRef) -> Bytes {
    let reference = wire::PayloadRef {
        blob: Some(blob.into()).into(),
        ..Default::default()
    };
    let sealed = envelope::seal(&reference);
    let named = envelope::to_payload(&base::Envelope {
        r#type: sealed.r#type.clone(),
        body: sealed.body.clone(),
        ..envelope::of_payload(payload).unwrap_or_default()
    });
    match named.len() <= limits::MAX_PAYLOAD_BYTES {
        true => named,
        false => envelope::to_payload(&sealed),
    }
}

fn unreadable(why: BlobError) -> Error {
    let (code, hint) = match &why {
        BlobError::NotFound(_) => (
            "PAYLOAD_MISSING",
            "has the blob store been swept or changed? The message must come again under another id",
        ),
        BlobError::Corrupt { .. } => (
            "PAYLOAD_DAMAGED",
            "check the disk of the blob store; the message must come again under another id",
        ),
        BlobError::UnknownStore(_) => (
            "PAYLOAD_ELSEWHERE",
            "name the blob store in this worker's configuration as in the producer's",
        ),
        _ => ("PAYLOAD_UNREADABLE", "is the blob store there?"),
    };
    let problem = format!("the payload cannot be read: {why}");
    Error::platform(code, problem).hint(hint)
}

#[async_trait]
impl Timestone for ByReference {
    async fn enqueue(&self, messages: Vec<NewMessage>) -> Result<Outcomes, TimestoneError> {
        let Sorted { good, refused } = self.sort(messages).await?;
        let outcomes = self.to.enqueue(good).await?;
        Ok(Sorted::<NewMessage>::outcomes(refused, outcomes))
    }

    async fn complete(&self, completions: Vec<Completion>) -> Result<Outcomes, TimestoneError> {
        let Sorted { good, refused } = self.sort(completions).await?;
        let outcomes = self.to.complete(good).await?;
        Ok(Sorted::<Completion>::outcomes(refused, outcomes))
    }

    async fn fail(&self, failures: Vec<Failure>) -> Result<Outcomes, TimestoneError> {
        let Sorted { good, refused } = self.sort(failures).await?;
        let outcomes = self.to.fail(good).await?;
        Ok(Sorted::<Failure>::outcomes(refused, outcomes))
    }

    async fn dequeue(&self, request: DequeueRequest) -> Result<Vec<LeasedMessage>, TimestoneError> {
        Ok(self.restore(self.to.dequeue(request).await?).await)
    }

    async fn dequeue_matching(
        &self,
        request: DequeueRequest,
        filter: Clause,
    ) -> Result<Vec<LeasedMessage>, TimestoneError> {
        let leased = self.to.dequeue_matching(request, filter).await?;
        Ok(self.restore(leased).await)
    }

    async fn subscribe(&self, request: SubscribeRequest) -> Result<Subscription, TimestoneError> {
        let messages = self.to.subscribe(request).await?;
        let queue = self.clone();
        Ok(messages
            .then(move |messages| {
                let queue = queue.clone();
                async move { Ok(queue.restore(messages?).await) }
            })
            .boxed())
    }

    async fn get(&self, key: &MessageKey) -> Result<Option<MessageView>, TimestoneError> {
        let mut view = self.to.get(key).await?;
        if let Some(view) = &mut view
            && let Some(Ok(payload)) = self.read(&view.payload).await
        {
            view.payload = payload;
        }
        Ok(view)
    }

    async fn put_queue(&self, queue: &str, config: QueueConfig) -> Result<(), TimestoneError> {
        self.to.put_queue(queue, config).await
    }

    async fn queue(&self, queue: &str) -> Result<Option<QueueView>, TimestoneError> {
        self.to.queue(queue).await
    }

    async fn list_queues(
        &self,
        prefix: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<QueueView>, TimestoneError> {
        self.to.list_queues(prefix, after, limit).await
    }

    async fn delete_queues(
        &self,
        queues: Vec<String>,
        force: bool,
    ) -> Result<Outcomes, TimestoneError> {
        self.to.delete_queues(queues, force).await
    }

    async fn release(
        &self,
        tokens: Vec<LeaseToken>,
        refund: bool,
    ) -> Result<Outcomes, TimestoneError> {
        self.to.release(tokens, refund).await
    }

    async fn extend(
        &self,
        tokens: Vec<LeaseToken>,
        lease_ms: Option<u64>,
    ) -> Result<Outcomes, TimestoneError> {
        self.to.extend(tokens, lease_ms).await
    }

    async fn cancel(
        &self,
        messages: Vec<MessageKey>,
        reason: &str,
    ) -> Result<Outcomes, TimestoneError> {
        self.to.cancel(messages, reason).await
    }

    async fn reschedule(&self, schedules: Vec<Reschedule>) -> Result<Outcomes, TimestoneError> {
        self.to.reschedule(schedules).await
    }

    async fn redrive(
        &self,
        messages: Vec<MessageKey>,
        attempts: Option<u32>,
    ) -> Result<Outcomes, TimestoneError> {
        self.to.redrive(messages, attempts).await
    }

    async fn find(&self, search: Search) -> Result<Found, TimestoneError> {
        self.to.find(search).await
    }

    async fn count_matching(
        &self,
        queue: &str,
        filter: &Filter,
        cursor: Bytes,
    ) -> Result<Counted, TimestoneError> {
        self.to.count_matching(queue, filter, cursor).await
    }

    async fn count(&self, queues: &[String]) -> Result<Vec<QueueCount>, TimestoneError> {
        self.to.count(queues).await
    }

    async fn watch(&self, request: WatchRequest) -> Result<Watch, TimestoneError> {
        self.to.watch(request).await
    }

    async fn history(&self, key: &MessageKey) -> Result<MessageHistory, TimestoneError> {
        self.to.history(key).await
    }

    async fn find_events(&self, search: EventSearch) -> Result<FoundEvents, TimestoneError> {
        self.to.find_events(search).await
    }
}
