use std::collections::BTreeMap;

use bytes::Bytes;

use crate::QueueConfig;

/// Names a message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageKey {
    pub queue: String,
    pub id: String,
}

/// The states of a message. The last three are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageState {
    /// Waits for its time.
    Invisible,
    /// May be leased.
    Pending,
    /// Is leased.
    Running,
    /// Ended well.
    Completed,
    /// Ended by cancellation.
    Canceled,
    /// Ended by failure or for want of attempts.
    Errored,
}

/// A message to add.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewMessage {
    pub queue: String,
    /// Chosen by the producer, unique in the queue.
    pub id: String,
    /// An encoded `base.v1.Envelope`; opaque to the queue.
    pub payload: Bytes,
    /// Lower is more urgent.
    pub priority: i64,
    /// At most 4 pairs.
    pub metadata: BTreeMap<String, String>,
    /// Not delivered before this much time has passed; 0 = the queue's.
    pub invisible_ms: u64,
    /// Deliveries allowed; `None` = the queue's.
    pub attempts: Option<u32>,
    /// Refused when the store's time (Unix milliseconds) is past this.
    pub not_after: Option<i64>,
    /// Queue told by a `Terminated` when the message ends without its worker.
    pub reply_to: Option<String>,
}

/// Proof of being the one who works on a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeaseToken {
    pub key: MessageKey,
    /// Deliveries of the message so far, this one counted.
    pub delivery: u32,
    /// Unguessable part.
    pub nonce: u64,
}

/// A message in the hands of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeasedMessage {
    pub token: LeaseToken,
    pub payload: Bytes,
    pub priority: i64,
    pub metadata: BTreeMap<String, String>,
    /// When the lease lapses: Unix milliseconds of the store's clock.
    pub lease_until: i64,
    pub lease_ms: u64,
    /// Deliveries left after this one.
    pub attempts_left: u32,
}

/// A worker, told apart from its earlier life.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Session {
    /// Stable name of the worker.
    pub owner: String,
    /// Unique to this start of the worker; a new one releases the leases of the old ones.
    pub boot: String,
}

/// The good end of one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    pub token: LeaseToken,
    /// Added together with the completion, or not at all.
    pub then_enqueue: Vec<NewMessage>,
}

/// The bad end of one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub token: LeaseToken,
    /// An encoded `base.v1.Error`; kept with the message, told to `reply_to`.
    pub error: Bytes,
    /// Delivered again after this much time, if attempts are left.
    pub retry_in_ms: u64,
    /// Not delivered again.
    pub last: bool,
    /// Added together with the failure, or not at all.
    pub then_enqueue: Vec<NewMessage>,
}

/// How one item of a batch fared when it was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// It had been done before; nothing changed.
    Duplicate,
}

/// Why one item of a batch was refused. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Somebody else may be working on the message now, or it has ended: stop.
    #[error("the lease on {id} in {queue} was lost (delivery {delivery})", id = .0.key.id, queue = .0.key.queue, delivery = .0.delivery)]
    LeaseLost(LeaseToken),
    /// The message was canceled: stop.
    #[error("message {id} in {queue} was canceled", id = .0.id, queue = .0.queue)]
    Canceled(MessageKey),
    /// No message of this id is known.
    #[error("there is no message {id} in {queue}", id = .0.id, queue = .0.queue)]
    NotFound(MessageKey),
    /// The queue holds as many messages as it may: try again when some have ended.
    #[error("queue {queue} is full: {limit} messages wait or run")]
    QueueFull { queue: String, limit: u64 },
    /// The queue takes no messages for now.
    #[error("queue {queue} takes no messages: enqueueing is blocked")]
    EnqueueBlocked { queue: String },
    /// The queue is being deleted.
    #[error("queue {queue} is being deleted")]
    QueueDeleting { queue: String },
    /// Work would be lost with the queue.
    #[error("queue {queue} is not empty: {depth} messages wait or run")]
    QueueNotEmpty { queue: String, depth: u64 },
    /// The message does not wait: it runs or has ended.
    #[error("message {id} in {queue} does not wait", id = .0.id, queue = .0.queue)]
    NotWaiting(MessageKey),
    /// The message's payload is not here any more.
    #[error("the payload of message {id} in {queue} is gone: it went to a dead-letter queue and is not waiting there", id = .0.id, queue = .0.queue)]
    PayloadGone(MessageKey),
    /// Messages of the queue lie in other shards than the caller believes: look again how it
    /// is configured.
    #[error("queue {queue} is spread over its shards in another way")]
    Elsewhere { queue: String },
    /// The message came after its `not_after`.
    #[error("message {id} in {queue} came too late", id = .0.id, queue = .0.queue)]
    TooLate(MessageKey),
    /// A value is outside its limits.
    #[error("{field} {problem}")]
    Invalid {
        field: &'static str,
        problem: String,
    },
}

impl Refusal {
    /// Whether the same may be taken later: the sender shall slow down and try again.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::QueueFull { .. }
                | Self::EnqueueBlocked { .. }
                | Self::QueueDeleting { .. }
                | Self::Elsewhere { .. }
        )
    }

    /// Stable code for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::LeaseLost(_) => "LEASE_LOST",
            Self::Canceled(_) => "CANCELED",
            Self::NotFound(_) => "MESSAGE_NOT_FOUND",
            Self::QueueFull { .. } => "QUEUE_FULL",
            Self::EnqueueBlocked { .. } => "ENQUEUE_BLOCKED",
            Self::QueueDeleting { .. } => "QUEUE_DELETING",
            Self::QueueNotEmpty { .. } => "QUEUE_NOT_EMPTY",
            Self::NotWaiting(_) => "MESSAGE_NOT_WAITING",
            Self::PayloadGone(_) => "PAYLOAD_GONE",
            Self::Elsewhere { .. } => "QUEUE_ELSEWHERE",
            Self::TooLate(_) => "TOO_LATE",
            Self::Invalid { .. } => "INVALID_ARGUMENT",
        }
    }
}

/// A message as an onlooker sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageView {
    pub key: MessageKey,
    pub state: MessageState,
    pub priority: i64,
    pub deliveries: u32,
    pub attempts_left: u32,
    /// Who holds the lease.
    pub owner: Option<String>,
    /// When the lease or the invisibility ends: Unix milliseconds.
    pub until: Option<i64>,
    /// Empty where it completed or was canceled.
    pub metadata: BTreeMap<String, String>,
    /// Grows by one with each write.
    pub version: u64,
    /// An encoded `base.v1.Error`.
    pub error: Option<Bytes>,
    /// Empty where it completed, was canceled or went to a dead-letter queue, and
    /// in answers to [`find`](crate::Queues::find).
    pub payload: Bytes,
}

/// How many messages of a queue are in each state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueCount {
    pub queue: String,
    pub invisible: u64,
    pub pending: u64,
    pub running: u64,
    pub completed: u64,
    pub canceled: u64,
    pub errored: u64,
}

/// A queue as an onlooker sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueView {
    pub config: QueueConfig,
    /// Whether it was configured, not just used.
    pub configured: bool,
    /// Whether it is being deleted.
    pub deleting: bool,
    pub count: QueueCount,
}
