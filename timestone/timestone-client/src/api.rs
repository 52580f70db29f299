use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use timestone::{
    Clause, Completion, Counted, Failure, Filter, Found, LeaseToken, LeasedMessage, MessageKey,
    MessageView, NewMessage, Outcome, QueueConfig, QueueCount, QueueView, Refusal, Reschedule,
    Search, Session,
};

use crate::watch::{EventSearch, FoundEvents, MessageHistory, Watch, WatchRequest};

/// What a whole call may fail with; the items of a batch fail by [`Refusal`].
#[derive(Clone, Debug, thiserror::Error)]
pub enum TimestoneError {
    /// The server cannot be reached or has no store: the same call may succeed
    /// later, and repeating it is safe.
    #[error("timestone is unavailable: {0}")]
    Unavailable(String),
    /// The call itself is malformed or not allowed.
    #[error("timestone refused the call: {0}")]
    Refused(CallRefusal),
}

/// Why a whole call was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct CallRefusal {
    /// Stable code for machines.
    pub code: String,
    pub problem: String,
}

/// The call is malformed.
impl From<String> for CallRefusal {
    fn from(problem: String) -> Self {
        Self {
            code: "INVALID_ARGUMENT".into(),
            problem,
        }
    }
}

impl From<&str> for CallRefusal {
    fn from(problem: &str) -> Self {
        problem.to_owned().into()
    }
}

impl From<Refusal> for TimestoneError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(CallRefusal {
            code: refusal.code().into(),
            problem: refusal.to_string(),
        })
    }
}

/// What to lease. See [`Timestone::dequeue`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DequeueRequest {
    /// Queues to look in; the most urgent message of all of them comes first.
    pub queues: Vec<String>,
    /// Leases wanted.
    pub max: u32,
    /// How long to wait for the first message.
    pub wait_ms: u64,
    /// `None` = the queue's.
    pub lease_ms: Option<u64>,
    pub session: Session,
    /// Makes a repeated call answer with the same messages while they are leased.
    pub request_id: String,
}

/// What to be sent. See [`Timestone::subscribe`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscribeRequest {
    /// Queues to look in; the most urgent message of all of them comes first.
    pub queues: Vec<String>,
    /// Messages that may be leased under this subscription at a time: the free
    /// slots of the worker. One that ends in whatever way, its lease lapsed
    /// included, makes room for the next.
    pub credit: u32,
    /// From when a message is sent; `None` = the queue's.
    pub lease_ms: Option<u64>,
    pub session: Session,
    /// New for each subscription.
    pub subscription_id: String,
    /// Only messages for which this holds; see [`Timestone::dequeue_matching`].
    pub filter: Option<Clause>,
    /// Whether a message is sent as soon as its place in the store is certain, before it is on
    /// stable storage. For one who stores what follows from it in the same store, where it is
    /// stored only if the message is, and lets nothing of that be seen before. Asked of a queue
    /// in another process, it has no effect.
    pub ahead: bool,
}

/// Messages as they are leased. Ends when the queue goes away, or when nobody
/// read for longer than a lease: subscribe again. What is dropped unread lapses.
pub type Subscription = BoxStream<'static, Result<Vec<LeasedMessage>, TimestoneError>>;

/// One result per item of a batch, in order.
pub type Outcomes = Vec<Result<Outcome, Refusal>>;

/// The operations of the queue. Every mutation is durable when it returns and may be repeated.
#[async_trait]
pub trait Timestone: Send + Sync + 'static {
    /// Creates a queue or changes its configuration.
    async fn put_queue(&self, queue: &str, config: QueueConfig) -> Result<(), TimestoneError>;

    /// Reads one queue.
    async fn queue(&self, queue: &str) -> Result<Option<QueueView>, TimestoneError>;

    /// The queues whose names begin with `prefix` and come after `after`, by name;
    /// at most [`MAX_PAGE`](timestone::limits::MAX_PAGE) of them.
    async fn list_queues(
        &self,
        prefix: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<QueueView>, TimestoneError>;

    /// Deletes queues and forgets their messages; with `force` also those in which
    /// messages wait or run, which are canceled. [`Outcome::Duplicate`] where a
    /// queue is gone or going.
    async fn delete_queues(
        &self,
        queues: Vec<String>,
        force: bool,
    ) -> Result<Outcomes, TimestoneError>;

    /// Adds messages. Repeating an id is doing nothing ([`Outcome::Duplicate`]).
    async fn enqueue(&self, messages: Vec<NewMessage>) -> Result<Outcomes, TimestoneError>;

    /// Leases the most urgent messages; empty when none came in time.
    async fn dequeue(&self, request: DequeueRequest) -> Result<Vec<LeasedMessage>, TimestoneError>;

    /// As [`dequeue`](Self::dequeue), but only messages for which `filter` holds.
    ///
    /// Every queue must have its key indexed, so that no dequeue looks at messages
    /// it does not lease; a queue that is exclusive or fair can be asked for the
    /// key that makes it so alone.
    async fn dequeue_matching(
        &self,
        request: DequeueRequest,
        filter: Clause,
    ) -> Result<Vec<LeasedMessage>, TimestoneError>;

    /// Leases messages as they come and the worker has room.
    async fn subscribe(&self, request: SubscribeRequest) -> Result<Subscription, TimestoneError>;

    /// Ends deliveries well and hands work on, in one act each.
    async fn complete(&self, completions: Vec<Completion>) -> Result<Outcomes, TimestoneError>;

    /// Ends deliveries badly: for a retry, or for good.
    async fn fail(&self, failures: Vec<Failure>) -> Result<Outcomes, TimestoneError>;

    /// Gives leases back; with `refund` the delivery does not count as an attempt.
    async fn release(
        &self,
        tokens: Vec<LeaseToken>,
        refund: bool,
    ) -> Result<Outcomes, TimestoneError>;

    /// Extends leases from now by `lease_ms`, or by as much as they had first.
    async fn extend(
        &self,
        tokens: Vec<LeaseToken>,
        lease_ms: Option<u64>,
    ) -> Result<Outcomes, TimestoneError>;

    /// Cancels messages, also those not yet seen (a tombstone refuses them later).
    async fn cancel(
        &self,
        messages: Vec<MessageKey>,
        reason: &str,
    ) -> Result<Outcomes, TimestoneError>;

    /// Changes the priority or the time of messages that wait.
    async fn reschedule(&self, schedules: Vec<Reschedule>) -> Result<Outcomes, TimestoneError>;

    /// Puts errored messages back, with so many attempts; `None` = their queue's.
    /// [`Outcome::Duplicate`] where one is not errored.
    async fn redrive(
        &self,
        messages: Vec<MessageKey>,
        attempts: Option<u32>,
    ) -> Result<Outcomes, TimestoneError>;

    /// A page of the messages of one queue that are meant, without payloads.
    async fn find(&self, search: Search) -> Result<Found, TimestoneError>;

    /// A page of the count of the messages of one queue that are meant; an empty
    /// cursor begins.
    async fn count_matching(
        &self,
        queue: &str,
        filter: &Filter,
        cursor: Bytes,
    ) -> Result<Counted, TimestoneError>;

    /// Reads one message.
    async fn get(&self, key: &MessageKey) -> Result<Option<MessageView>, TimestoneError>;

    /// Counts the messages of `queues`, or of all when empty.
    async fn count(&self, queues: &[String]) -> Result<Vec<QueueCount>, TimestoneError>;

    /// Tells what a queue holds, and then what happens in it. Best effort: a watcher
    /// that is slow misses events, and is told so.
    async fn watch(&self, request: WatchRequest) -> Result<Watch, TimestoneError> {
        let _ = request;
        Err(not_here("queues cannot be watched"))
    }

    /// What happened to one message. Best effort, and for as long as it is kept.
    async fn history(&self, key: &MessageKey) -> Result<MessageHistory, TimestoneError> {
        let _ = key;
        Err(not_here("there is no history"))
    }

    /// A page of what happened to messages.
    async fn find_events(&self, search: EventSearch) -> Result<FoundEvents, TimestoneError> {
        let _ = search;
        Err(not_here("there is no history"))
    }
}

fn not_here(problem: &str) -> TimestoneError {
    TimestoneError::Refused(CallRefusal {
        code: "UNIMPLEMENTED".into(),
        problem: format!("{problem} here"),
    })
}
