use std::sync::Arc;

use crate::by_id::ById;
use crate::check;
use crate::effects::{Changes, keeps_payload};
use crate::errand::Errands;
use crate::events::Observed;
use crate::id::Id;
use crate::index::Index;
use crate::message::{Lease, Message, State};
use crate::messages::Messages;
use crate::name::Name;
use crate::payload::{Payload, Payloads, Recent};
use crate::{
    LeasedMessage, MessageKey, MessageView, Place, QueueConfig, QueueCount, Refusal, Wording,
    limits,
};

/// All queues of one shard: what they hold and who works on it.
///
/// Operations change memory at once. What they changed is handed out by
/// [`take_commit`](Queues::take_commit) and must be stored before anybody is
/// told; if storing fails, this value is worthless and is
/// [recovered](crate::Recovery) from the store.
///
/// Time is handed in by [`at`](Queues::at) and [`tick`](Queues::tick), and never
/// goes back. Extending a lease is not stored, unless it becomes longer than
/// ever before: recovery grants every running message its full lease anew.
pub struct Queues {
    pub(crate) wording: Arc<dyn Wording>,
    pub(crate) messages: Messages,
    pub(crate) by_id: ById,
    pub(crate) index: Index,
    pub(crate) changes: Changes,
    pub(crate) recent: Recent,
    pub(crate) next_sequence: u64,
    pub(crate) now: i64,
    pub(crate) observed: Observed,
    pub(crate) place: Place,
    pub(crate) errands: Errands,
    /// How many that have ended are remembered.
    pub(crate) remembered: usize,
    /// Of this sequence and all behind it nothing was handed out yet to be stored.
    pub(crate) first_unstored: u64,
    default_config: QueueConfig,
}

impl Queues {
    /// No queues yet.
    pub fn new(wording: Arc<dyn Wording>) -> Self {
        Self {
            wording,
            messages: Messages::default(),
            by_id: ById::default(),
            index: Index::default(),
            changes: Changes::default(),
            recent: Recent::default(),
            next_sequence: 0,
            now: i64::MIN,
            observed: Observed::default(),
            place: Place::default(),
            errands: Errands::default(),
            remembered: limits::MAX_REMEMBERED,
            first_unstored: 0,
            default_config: QueueConfig::default(),
        }
    }

    /// Keeps payloads of about so many bytes in memory beside the store.
    pub fn keep_recent(&mut self, bytes: usize) {
        self.recent.set_room(bytes);
    }

    /// Remembers about so many messages that have ended; those that ended longest ago go when
    /// there are more, and are not recognised any more. What can still be put back, or tells an
    /// error, is not among them.
    pub fn remember_at_most(&mut self, messages: usize) {
        self.remembered = messages;
    }

    /// Tells the time: Unix milliseconds. An earlier time than before is ignored.
    pub fn at(&mut self, now: i64) {
        self.now = self.now.max(now);
    }

    /// Reads one message.
    pub fn read(&mut self, key: &MessageKey) -> Result<Option<Shown>, Refusal> {
        self.refuse_elsewhere(&key.queue, &key.id)?;
        Ok(self.get(key))
    }

    /// Reads one message, if it is here.
    pub fn get(&mut self, key: &MessageKey) -> Option<Shown> {
        let sequence = self.find_message(&key.queue, &key.id)?;
        let message = self.messages.get(sequence)?;
        let (view, payload) = (message.view(), self.payload_of(sequence, &message));
        self.recent.want(&payload);
        Some(Shown { view, payload })
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
    pub(crate) fn insert(&mut self, message: Message, payload: Payload) {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        if message.payload_bytes > 0 {
            self.recent.hold(sequence, payload);
        }
        self.add_known(sequence, message);
        self.changes.head(sequence);
        self.changes.body(sequence);
        self.note(sequence, None);
    }

    /// Adds a message that is stored.
    pub(crate) fn add_known(&mut self, sequence: u64, message: Message) {
        let hash = self.by_id.hash(&message.queue, &message.id);
        self.by_id.insert(hash, sequence);
        self.index.admit(sequence, &message);
        self.messages.insert(sequence, message);
        self.pack(sequence);
    }

    /// Keeps a message in less room, if that loses nothing.
    pub(crate) fn pack(&mut self, sequence: u64) {
        if let Some(due) = self.messages.pack(sequence) {
            self.index.tell_time(sequence, due, false);
        }
    }

    /// A message that is to be changed.
    fn open(&mut self, sequence: u64) -> Option<&mut Message> {
        if let Some(due) = self.messages.unpack(sequence) {
            self.index.tell_time(sequence, due, true);
        }
        self.messages.get_mut(sequence)
    }

    /// The message of this id.
    pub(crate) fn find_message(&self, queue: &str, id: &str) -> Option<u64> {
        let id = Id::new(id);
        let is = |message: &Message| message.id == id && *message.queue == *queue;
        self.by_id.find(self.by_id.hash(queue, &id), |sequence| {
            let message = self.messages.get(sequence);
            message.is_some_and(|message| is(&message))
        })
    }

    /// The name of a queue, as the queue has it if there is one.
    pub(crate) fn name(&self, queue: &str) -> Name {
        match self.index.queues.get_key_value(queue) {
            Some((name, _)) => name.clone(),
            None => queue.into(),
        }
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
        self.open(sequence);
        if let Some(message) = self.messages.get_mut(sequence) {
            self.index.change(sequence, message, edit);
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
        self.open(sequence).map(edit);
    }

    /// Moves the end of a lease. This alone is not stored.
    pub(crate) fn set_lease_end(&mut self, sequence: u64, until: i64) {
        let message = self.messages.get_mut(sequence);
        if let Some(State::Running(lease)) = message.map(|message| &mut message.state) {
            self.index.move_timer(sequence, lease.until, until);
            lease.until = until;
        }
    }

    /// Forgets a message.
    pub(crate) fn remove(&mut self, sequence: u64) {
        if let Some(message) = self.messages.remove(sequence) {
            let hash = self.by_id.hash(&message.queue, &message.id);
            self.by_id.remove(hash, sequence);
            self.index.forget(sequence, &message);
            self.note_gone(sequence, &message);
            self.recent.drop(sequence);
            self.changes.head(sequence);
            // Without, it went when the message ended.
            if keeps_payload(&message.state) {
                self.changes.body(sequence);
            }
        }
    }

    pub(crate) fn lease(&self, sequence: u64) -> Option<&Lease> {
        self.messages.find(sequence)?.state.lease()
    }

    /// What is leased, with its payload if that is at hand, and that.
    pub(crate) fn leased(&self, sequence: u64) -> Option<(LeasedMessage, Payload)> {
        let message = self.messages.find(sequence)?;
        let lease = message.state.lease()?;
        let payload = self.payload_of(sequence, message);
        let leased = LeasedMessage {
            token: message.token(lease),
            payload: payload.at_hand(),
            priority: message.priority,
            metadata: message.details.to_map(),
            lease_until: lease.until,
            lease_ms: lease.lease_ms,
            attempts_left: message.attempts_left,
        };
        Some((leased, payload))
    }

    /// The payload of `message`, which has this sequence.
    pub(crate) fn payload_of(&self, sequence: u64, message: &Message) -> Payload {
        match message.payload_bytes > 0 && keeps_payload(&message.state) {
            true => self.recent.of(sequence),
            false => Payload::EMPTY,
        }
    }

    /// The time this much later than now.
    pub(crate) fn after(&self, ms: u64) -> i64 {
        self.now.saturating_add_unsigned(ms)
    }
}

/// A message as an onlooker sees it, whose payload may be in the store.
#[derive(Clone, Debug)]
pub struct Shown {
    view: MessageView,
    payload: Payload,
}

impl Shown {
    /// All of it, once the commit has read what it lacks.
    pub fn filled(self, read: &Payloads) -> MessageView {
        MessageView {
            payload: self.payload.bytes(read),
            ..self.view
        }
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
