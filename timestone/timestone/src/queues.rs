use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::check;
use crate::effects::Changes;
use crate::events::Observed;
use crate::index::Index;
use crate::message::{Lease, Message, State};
use crate::{
    LeasedMessage, MessageKey, MessageView, QueueConfig, QueueCount, Refusal, Wording, limits,
};

/// All queues of one shard: what they hold and who works on it.
///
/// Operations change memory at once. What they changed is handed out by
/// [`take_writes`](Queues::take_writes) and must be stored before anybody is
/// told; if storing fails, this value is worthless and is
/// [recovered](crate::Recovery) from the store.
///
/// Time is handed in by [`at`](Queues::at) and [`tick`](Queues::tick), and never
/// goes back. Extending a lease is not stored, unless it becomes longer than
/// ever before: recovery grants every running message its full lease anew.
pub struct Queues {
    pub(crate) wording: Arc<dyn Wording>,
    pub(crate) messages: HashMap<u64, Message>,
    pub(crate) index: Index,
    pub(crate) changes: Changes,
    pub(crate) next_sequence: u64,
    pub(crate) now: i64,
    pub(crate) observed: Observed,
    default_config: QueueConfig,
}

impl Queues {
    /// No queues yet.
    pub fn new(wording: Arc<dyn Wording>) -> Self {
        Self {
            wording,
            messages: HashMap::new(),
            index: Index::default(),
            changes: Changes::default(),
            next_sequence: 0,
            now: i64::MIN,
            observed: Observed::default(),
            default_config: QueueConfig::default(),
        }
    }

    /// Tells the time: Unix milliseconds. An earlier time than before is ignored.
    pub fn at(&mut self, now: i64) {
        self.now = self.now.max(now);
    }

    /// Reads one message.
    pub fn get(&self, key: &MessageKey) -> Option<MessageView> {
        let sequence = self.index.find(&key.queue, &key.id)?;
        self.messages.get(&sequence).map(Message::view)
    }

    /// Counts the messages of `queues`, or of all, by name, when empty.
    pub fn count(&self, queues: &[String]) -> Vec<QueueCount> {
        match queues.is_empty() {
            true => self.count_all(),
            false => queues.iter().map(|queue| self.count_one(queue)).collect(),
        }
    }

    fn count_all(&self) -> Vec<QueueCount> {
        let queues = self.index.queues.iter();
        let mut counts: Vec<_> = queues.map(|(name, queue)| queue.count(name)).collect();
        counts.sort_by(|a, b| a.queue.cmp(&b.queue));
        counts
    }

    fn count_one(&self, queue: &str) -> QueueCount {
        let known = self.index.queues.get(queue);
        known.map_or_else(
            || QueueCount {
                queue: queue.to_owned(),
                ..QueueCount::default()
            },
            |known| known.count(queue),
        )
    }

    pub(crate) fn config_of(&self, queue: &str) -> &QueueConfig {
        let queue = self.index.queues.get(queue);
        queue.map_or(&self.default_config, |queue| queue.config())
    }

    pub(crate) fn refuse_another_queue(&self, queue: &str) -> Result<(), Refusal> {
        let queues = &self.index.queues;
        match queues.len() < limits::MAX_QUEUES || queues.contains_key(queue) {
            true => Ok(()),
            false => Err(check::invalid(
                "queue",
                format!(
                    "would be one more than the {} queues allowed",
                    limits::MAX_QUEUES
                ),
            )),
        }
    }

    /// Adds a message that is not there yet.
    pub(crate) fn insert(&mut self, message: Message) {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.index.admit(sequence, &message);
        self.messages.insert(sequence, message);
        self.changes.head(sequence);
        self.changes.body(sequence);
        self.note(sequence, None);
    }

    /// Changes the state of a message, all that finds it, and what is stored of it.
    pub(crate) fn change(&mut self, sequence: u64, edit: impl FnOnce(&mut Message)) {
        let before = self.before(sequence);
        self.move_to(sequence, edit);
        self.touch(sequence);
        self.note(sequence, before);
    }

    /// Changes the state of a message and all that finds it, but not what is
    /// stored of it.
    pub(crate) fn move_to(&mut self, sequence: u64, edit: impl FnOnce(&mut Message)) {
        if let Some(message) = self.messages.get_mut(&sequence) {
            let tags = self.index.remove(sequence, message);
            edit(message);
            self.index.insert(sequence, message);
            self.index.sweep(message, tags);
        }
    }

    /// Notes that a message is to be stored again.
    pub(crate) fn touch(&mut self, sequence: u64) {
        self.edit(sequence, |message| message.version += 1);
        self.changes.head(sequence);
    }

    /// Changes what no index knows of a message; to be followed by a
    /// [`touch`](Self::touch) or [`change`](Self::change).
    pub(crate) fn edit(&mut self, sequence: u64, edit: impl FnOnce(&mut Message)) {
        self.messages.get_mut(&sequence).map(edit);
    }

    /// Moves the end of a lease. This alone is not stored.
    pub(crate) fn set_lease_end(&mut self, sequence: u64, until: i64) {
        let message = self.messages.get_mut(&sequence);
        if let Some(State::Running(lease)) = message.map(|message| &mut message.state) {
            self.index.move_timer(sequence, lease.until, until);
            lease.until = until;
        }
    }

    /// Forgets a message.
    pub(crate) fn remove(&mut self, sequence: u64) {
        if let Some(message) = self.messages.remove(&sequence) {
            self.index.forget(sequence, &message);
            self.note_gone(sequence, &message);
            self.changes.head(sequence);
            self.changes.body(sequence);
        }
    }

    pub(crate) fn lease(&self, sequence: u64) -> Option<&Lease> {
        self.messages.get(&sequence)?.state.lease()
    }

    pub(crate) fn leased(&self, sequence: u64) -> Option<LeasedMessage> {
        let message = self.messages.get(&sequence)?;
        let lease = message.state.lease()?;
        Some(LeasedMessage {
            token: message.token(lease),
            payload: Bytes::clone(&message.payload),
            priority: message.priority,
            metadata: message.metadata.clone(),
            lease_until: lease.until,
            lease_ms: lease.lease_ms,
            attempts_left: message.attempts_left,
        })
    }

    /// The time this much later than now.
    pub(crate) fn after(&self, ms: u64) -> i64 {
        self.now.saturating_add_unsigned(ms)
    }
}

impl std::fmt::Debug for Queues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queues")
            .field("now", &self.now)
            .field("messages", &self.messages.len())
            .field("queues", &self.index.queues.len())
            .finish_non_exhaustive()
    }
}
