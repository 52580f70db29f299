//! What machines read. `cosmos queue --help` documents it.

use std::collections::{BTreeMap, BTreeSet};

use errors::Error;
use serde::Serialize;
use timestone::{MessageKey, MessageView, QueueConfig, QueueView};

use super::payload::{self, Payload};
use super::words;

/// A queue.
#[derive(Debug, Serialize)]
pub(super) struct Queue<'a> {
    #[serde(flatten)]
    pub counts: Counts<'a>,
    configured: bool,
    deleting: bool,
    config: Config<'a>,
}

/// How many messages are in which state.
#[derive(Debug, Serialize)]
pub(super) struct Counts<'a> {
    queue: &'a str,
    pending: u64,
    invisible: u64,
    running: u64,
    completed: u64,
    canceled: u64,
    errored: u64,
}

#[derive(Debug, Serialize)]
struct Config<'a> {
    lease_ms: u64,
    invisible_ms: u64,
    attempts: u32,
    retention_ms: u64,
    max_depth: u64,
    enqueue_blocked: bool,
    dequeue_blocked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    exclusive: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fair: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weights: Option<&'a BTreeMap<String, u32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_copy: Option<bool>,
    indexed: &'a BTreeSet<String>,
    partitions: u32,
}

impl<'a> From<&'a timestone::QueueCount> for Counts<'a> {
    fn from(count: &'a timestone::QueueCount) -> Self {
        Self {
            queue: &count.queue,
            pending: count.pending,
            invisible: count.invisible,
            running: count.running,
            completed: count.completed,
            canceled: count.canceled,
            errored: count.errored,
        }
    }
}

impl<'a> From<&'a QueueView> for Queue<'a> {
    fn from(view: &'a QueueView) -> Self {
        Self {
            counts: Counts::from(&view.count),
            configured: view.configured,
            deleting: view.deleting,
            config: Config::from(&view.config),
        }
    }
}

impl<'a> From<&'a QueueConfig> for Config<'a> {
    fn from(config: &'a QueueConfig) -> Self {
        let (fair, letters) = (config.fairness.as_ref(), config.dead_letter.as_ref());
        Self {
            lease_ms: config.lease_ms,
            invisible_ms: config.invisible_ms,
            attempts: config.attempts,
            retention_ms: config.retention_ms,
            max_depth: config.max_depth,
            enqueue_blocked: config.enqueue_blocked,
            dequeue_blocked: config.dequeue_blocked,
            exclusive: config.exclusive_key(),
            fair: config.tenant_key(),
            weights: fair.map(|fair| &fair.weights),
            dead_letter: letters.map(|letters| letters.queue.as_str()),
            dead_letter_copy: letters.map(|letters| letters.copy),
            indexed: &config.indexed,
            partitions: config.partitions,
        }
    }
}

/// A message.
#[derive(Debug, Serialize)]
pub(super) struct Message<'a> {
    queue: &'a str,
    id: &'a str,
    state: &'static str,
    priority: i64,
    deliveries: u32,
    attempts_left: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until_unix_ms: Option<i64>,
    version: u64,
    metadata: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Error>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Payload>,
}

impl<'a> From<&'a MessageView> for Message<'a> {
    fn from(view: &'a MessageView) -> Self {
        Self {
            queue: &view.key.queue,
            id: &view.key.id,
            state: words::state(view.state),
            priority: view.priority,
            deliveries: view.deliveries,
            attempts_left: view.attempts_left,
            owner: view.owner.as_deref(),
            until_unix_ms: view.until,
            version: view.version,
            metadata: &view.metadata,
            error: payload::error(view),
            payload: Payload::of(&view.payload),
        }
    }
}

/// What happened to a message.
#[derive(Debug, Serialize)]
pub(super) struct Happened<'a> {
    queue: &'a str,
    id: &'a str,
    happening: &'static str,
    at_unix_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lasted_ms: Option<u64>,
    priority: i64,
    deliveries: u32,
    attempts_left: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until_unix_ms: Option<i64>,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Error>,
}

impl<'a> From<&'a timestone::Event> for Happened<'a> {
    fn from(event: &'a timestone::Event) -> Self {
        Self {
            queue: &event.queue,
            id: &event.id,
            happening: event.happening.name(),
            at_unix_ms: event.at,
            from: event.from.map(words::state),
            state: event.to.map(words::state),
            lasted_ms: None,
            priority: event.priority,
            deliveries: event.deliveries,
            attempts_left: event.attempts_left,
            owner: event.owner.as_deref(),
            until_unix_ms: event.until,
            version: event.version,
            error: payload::error_in(event.error.as_ref()),
        }
    }
}

/// A message, as far as it is known, and what happened to it.
#[derive(Debug, Serialize)]
pub(super) struct Told<'a> {
    #[serde(flatten)]
    message: Option<Message<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    history: Vec<Happened<'a>>,
}

impl<'a> Told<'a> {
    pub(super) fn new(
        view: Option<&'a MessageView>,
        history: &'a [(timestone::Event, Option<u64>)],
    ) -> Self {
        let history = history.iter().map(|(event, lasted)| Happened {
            lasted_ms: *lasted,
            ..Happened::from(event)
        });
        Self {
            message: view.map(Message::from),
            history: history.collect(),
        }
    }
}

/// Something that `tail` tells.
#[derive(Debug, Serialize)]
pub(super) struct Event<T> {
    pub event: &'static str,
    #[serde(flatten)]
    pub of: T,
}

/// How one of several fared.
#[derive(Debug, Serialize)]
pub(super) struct Fared<'a> {
    queue: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Error>,
}

impl<'a> Fared<'a> {
    /// Of a message, or of a queue where the id is empty.
    pub(super) fn of(key: &'a MessageKey, outcome: &'static str, error: Option<&'a Error>) -> Self {
        Self {
            queue: &key.queue,
            id: (!key.id.is_empty()).then_some(&key.id),
            outcome,
            error,
        }
    }
}
