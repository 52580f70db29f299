use async_trait::async_trait;
use timestone::{
    Completion, Failure, LeaseToken, LeasedMessage, MessageKey, MessageView, NewMessage, Outcome,
    QueueConfig, QueueCount, Refusal, Session,
};

/// What a whole call may fail with; the items of a batch fail by [`Refusal`].
#[derive(Clone, Debug, thiserror::Error)]
pub enum TimestoneError {
    /// The server cannot be reached or has no store: the same call may succeed
    /// later, and repeating it is safe.
    #[error("timestone is unavailable: {0}")]
    Unavailable(String),
    /// The call itself is malformed or not allowed.
    #[error("timestone refused the call: {0}")]
    Refused(String),
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

/// One result per item of a batch, in order.
pub type Outcomes = Vec<Result<Outcome, Refusal>>;

/// The operations of the queue. Every mutation is durable when it returns and may be repeated.
#[async_trait]
pub trait Timestone: Send + Sync + 'static {
    /// Creates a queue or changes its configuration.
    async fn put_queue(&self, queue: &str, config: QueueConfig) -> Result<(), TimestoneError>;

    /// Adds messages. Repeating an id is doing nothing ([`Outcome::Duplicate`]).
    async fn enqueue(&self, messages: Vec<NewMessage>) -> Result<Outcomes, TimestoneError>;

    /// Leases the most urgent messages; empty when none came in time.
    async fn dequeue(&self, request: DequeueRequest) -> Result<Vec<LeasedMessage>, TimestoneError>;

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

    /// Reads one message.
    async fn get(&self, key: &MessageKey) -> Result<Option<MessageView>, TimestoneError>;

    /// Counts the messages of `queues`, or of all when empty.
    async fn count(&self, queues: &[String]) -> Result<Vec<QueueCount>, TimestoneError>;
}
